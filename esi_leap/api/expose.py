"""The route table: every call of the API is a row in `ROUTES`, checked before it runs."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import dropwhile
from typing import TYPE_CHECKING, Any

import jsonschema
import webob
from jsonschema.exceptions import ValidationError, relevance

from esi_leap.core.errors import InvalidError
from esi_leap.core.storable import flaws

if TYPE_CHECKING:  # both would lead back here
    from esi_leap.actions.deps import Deps
    from esi_leap.context import Context

Schema = Mapping[str, Any]

#: API versions, oldest first.
VERSIONS = ((1, 0), (1, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, checked.

    Attributes:
        ident: what stands for `{ident}` in the path, empty if nothing does.
        version: the API version that the caller asked for.
        query: the query parameters, as the route's schema has them.
        body: the JSON body, as the route's schema has it.
    """

    deps: Deps
    ctx: Context
    request: webob.Request
    version: tuple[int, int]
    ident: str
    query: Mapping[str, Any]
    body: Mapping[str, Any]

    @property
    def suffix(self) -> str:
        """What times end in."""
        return '' if self.version == (1, 0) else 'Z'


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `location` is the path of what was made."""

    value: object
    location: str | None = None


Handler = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One call of the API."""

    method: str
    path: str
    handler: Handler
    status: HTTPStatus
    answer: Schema
    query: Schema = field(default_factory=dict)
    body: Schema | None = None
    argument: str = ''
    public: bool = False

    @property
    def name(self) -> str:
        """What readers call it."""
        return f'{self.method} {self.path}'

    @property
    def noun(self) -> str:
        """What it is about: the file that it is in."""
        return self.handler.__module__.rpartition('.')[2]

    def match(self, parts: list[str]) -> str | None:
        """Return the ident if the path is this route's (empty if it has none), else None."""
        wanted = [each for each in self.path.split('/') if each]
        if len(wanted) != len(parts):
            return None
        ident = ''
        for want, have in zip(wanted, parts, strict=True):
            if want == '{ident}':
                ident = have
            elif want != have:
                return None
        return ident

    def outcome(self, version: tuple[int, int]) -> tuple[HTTPStatus, Schema | None]:
        """Return the status and the schema of an answer when all goes well; None is no body."""
        if self.method == 'DELETE' and version > VERSIONS[0]:
            return HTTPStatus.NO_CONTENT, None
        return self.status, self.answer


ROUTES: list[Route] = []


def steps(path: Iterable[str]) -> list[str]:
    """Return the steps of a path: slashes before and one after it mean nothing, others do.

    Args:
        path: what is between its slashes.
    """
    found = list(dropwhile(operator.not_, path))
    return found[:-1] if found and not found[-1] else found


def route(
    method: str,
    path: str,
    *,
    answer: Schema,
    status: HTTPStatus = HTTPStatus.OK,
    query: Schema | None = None,
    body: Schema | None = None,
    argument: str = '',
    public: bool = False,
) -> Callable[[Handler], Handler]:
    """Put a handler into the route table.

    Args:
        method: HTTP method.
        path: from the root, `{ident}` stands for a uuid or a name.
        answer: JSON schema of the answer when all goes well.
        status: of that answer.
        query: properties of the query, JSON schema; others are refused.
        body: JSON schema of the body.
        argument: what existing clients call the body in messages.
        public: no token is needed.
    """

    def keep(handler: Handler) -> Handler:
        ROUTES.append(
            Route(
                method=method,
                path=path,
                handler=handler,
                status=status,
                answer=answer,
                query=query or {},
                body=body,
                argument=argument,
                public=public,
            )
        )
        return handler

    return keep


def checked_query(found: Route, request: webob.Request) -> Mapping[str, Any]:
    """Check the query parameters.

    Raises:
        InvalidError: one is unknown, given twice, or has a value that cannot be.
    """
    given = request.GET.mixed()
    for key, values in request.GET.dict_of_lists().items():
        if found.query.get(key, {}).get('type') == 'array':
            given[key] = values
    for key in given:
        if key not in found.query:
            known = ', '.join(sorted(found.query)) or 'none'
            raise InvalidError(f'Unknown argument: "{key}". Known here: {known}.', field=key)
    check_storable(given, 'The query cannot be read.')
    _check(given, {'type': 'object', 'properties': found.query}, found.argument)
    return given


def checked_body(found: Route, request: webob.Request) -> Mapping[str, Any]:
    """Check the JSON body.

    Raises:
        InvalidError: it is no JSON object, or not one of this route's schema.
    """
    if found.body is None:
        return {}
    if not request.body:
        raise InvalidError(f'Missing argument: "{found.argument}". Send a JSON object.')
    try:
        given = json.loads(request.body)
    except (ValueError, RecursionError):
        raise InvalidError('Request is not in valid JSON format.') from None
    check_storable(given, 'Request is not in valid JSON format.')
    _check(given, found.body, found.argument)
    return dict(given)


def checked_ident(ident: str) -> str:
    """Check what stands for `{ident}` in the path.

    Raises:
        InvalidError: no name can have these characters.
    """
    check_storable(ident, 'The path cannot be read.')
    return ident


def check_storable(value: object, sentence: str) -> None:
    """Refuse what Python takes for JSON and one of the databases, or the next reader, does not."""
    for why in flaws(value):
        raise InvalidError(f'{sentence} {why}')


def _check(given: object, schema: Schema, argument: str) -> None:
    validator = jsonschema.Draft202012Validator(schema)
    error = max(validator.iter_errors(given), key=relevance, default=None)
    if error is not None:
        raise _explained(error, argument)


def _explained(error: ValidationError, argument: str) -> InvalidError:
    # A parameter that is given several times is named as if once.
    name = '.'.join(each for each in error.absolute_path if isinstance(each, str))
    match error.validator:
        case 'additionalProperties':
            known = error.schema.get('properties', {})
            name = next((each for each in error.instance if each not in known), name)
            known = [each for each, schema in known.items() if 'readOnly' not in schema]
            return InvalidError(
                f'Unknown attribute for argument {argument}: {name}. '
                f'Known: {", ".join(sorted(known))}.',
                field=name,
            )
        case 'required':
            name = next(each for each in error.validator_value if each not in error.instance)
            why, value = 'Mandatory field missing.', None
        case 'not' if 'readOnly' in error.schema:
            why, value = 'Cannot set read only field.', error.instance
        case 'type' if not name:
            return InvalidError('Request is not in valid JSON format: it must be an object.')
        case _:
            why, value = error.schema.get('description', error.message), error.instance
    return InvalidError(
        f"Invalid input for field/attribute {name}. Value: '{str(value)[:64]}'. {why}", field=name
    )
