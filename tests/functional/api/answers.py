"""Looks at every answer of a service: each is what the route table declares."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from http import HTTPStatus
from typing import Any

import jsonschema
import webob

from esi_leap.api import openapi
from esi_leap.api.expose import ROUTES, VERSIONS, Route, Schema, steps
from esi_leap.api.schemas import common

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
#: What an answer can be to what is no call of the API.
ASTRAY = {400, 401, 404, 405, 406, 413, 503}


class Watch:
    """Looks at the answers of one application, and keeps what is wrong with them."""

    def __init__(self) -> None:
        self.wrong: list[str] = []

    def around(self, application: WSGI) -> WSGI:
        """Wrap an application."""

        def wrapped(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            request = webob.Request(environ)
            answer = request.get_response(application)
            self.wrong.extend(
                f'{request.method} {request.path_qs} {answer.status}: {each}\n{answer.text}'
                for each in flaws(request, answer)
            )
            return answer(environ, start)

        return wrapped


def flaws(request: webob.Request, answer: webob.Response) -> Iterable[str]:
    """Compare an answer with what is declared."""
    route = route_of(request)
    version = version_of(answer)
    status = HTTPStatus(answer.status_int)
    if status >= HTTPStatus.BAD_REQUEST:
        known = openapi.failures(route) if route else ASTRAY
        if status not in known:
            yield 'a status that is not declared'
        yield from _mismatch(answer, common.ERROR, version)
        return
    if route is None:
        if request.method != 'OPTIONS':  # those of browsers are answered by a library
            yield 'there is no such call, and it was answered'
        return
    wanted, schema = route.outcome(version)
    if status is not wanted:
        yield f'declared is {wanted}'
    if schema is not None:
        yield from _mismatch(answer, schema, version)
    elif answer.body:
        yield 'a body, where none is declared'


def route_of(request: webob.Request) -> Route | None:
    """Find the call that a request is."""
    try:
        parts = steps(request.path_info.split('/'))
    except UnicodeDecodeError:
        return None
    fitting = (each for each in ROUTES if each.match(parts) is not None)
    return next((each for each in fitting if each.method == request.method), None)


def version_of(answer: webob.Response) -> tuple[int, int]:
    """Return the version that an answer says it is in; that of the middleware's is the oldest."""
    said = answer.headers.get('OpenStack-API-Version')
    known = {'lease {}.{}'.format(*each): each for each in VERSIONS}
    return known[said] if said else VERSIONS[0]


def _mismatch(answer: webob.Response, schema: Schema, version: tuple[int, int]) -> Iterable[str]:
    if answer.content_type != 'application/json':
        yield f'its type is {answer.content_type}'
        return
    if answer.body:  # HEAD has none
        whole = jsonschema.Draft202012Validator(
            {**schema, 'components': {'schemas': _components(version)}}
        )
        for error in whole.iter_errors(answer.json):
            yield f'{error.json_path}: {error.message}'


@cache
def _components(version: tuple[int, int]) -> dict[str, Any]:
    return openapi.components(version)
