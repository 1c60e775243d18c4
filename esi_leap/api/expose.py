"""The route table: every call of the API is a row of `ROUTES` and is checked before it runs."""

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

from esi_leap.api.schemas.common import Schema
from esi_leap.api.schemas.parameters import Parameters
from esi_leap.core.errors import InvalidError
from esi_leap.core.storable import flaws

if TYPE_CHECKING:  # both import this module, by way of others
    from esi_leap.actions.deps import Deps
    from esi_leap.context import Context

#: API versions, oldest first.
VERSIONS = ((1, 0), (1, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One checked request.

    Attributes:
        ident: the uuid or name in the path; empty if the path has none.
        version: the API version of the request.
        query: the query parameters, valid by the schemas of the route.
        body: the JSON body, valid by the schema of the route.
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
        """The ending of times: empty in version 1.0, `Z` from 1.1 on."""
        return '' if self.version == (1, 0) else 'Z'


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.

    Attributes:
        value: the JSON value of the body.
        location: path of the created object; None if none was created.
    """

    value: object
    location: str | None = None


#: The answer to a deletion.
NOTHING = Reply(None)

Handler = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One call of the API."""

    method: str
    path: str
    handler: Handler
    status: HTTPStatus
    answer: Schema
    parameters: Parameters = field(default_factory=dict)
    body: Schema | None = None
    argument: str = ''
    public: bool = False

    @property
    def name(self) -> str:
        """Method and path, for readers."""
        return f'{self.method} {self.path}'

    @property
    def noun(self) -> str:
        """The noun of the call: the name of its file."""
        return self.handler.__module__.rpartition('.')[2]

    @property
    def query(self) -> Mapping[str, Schema]:
        """Schemas of the query parameters, by name."""
        return {name: each.schema for name, each in self.parameters.items()}

    def match(self, parts: list[str]) -> str | None:
        """Return the ident in a path of this route, empty if it has none; None for other paths."""
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
        """Return status and schema of a successful answer; the schema is None if it has no body."""
        if self.method == 'DELETE' and version > VERSIONS[0]:
            return HTTPStatus.NO_CONTENT, None
        return self.status, self.answer


ROUTES: list[Route] = []


def steps(path: Iterable[str]) -> list[str]:
    """Return the steps of a path without leading slashes and one trailing slash.

    Args:
        path: the texts between its slashes.
    """
    found = list(dropwhile(operator.not_, path))
    return found[:-1] if found and not found[-1] else found


def route(
    method: str,
    path: str,
    *,
    answer: Schema,
    status: HTTPStatus = HTTPStatus.OK,
    query: Parameters | None = None,
    body: Schema | None = None,
    argument: str = '',
    public: bool = False,
) -> Callable[[Handler], Handler]:
    """Put a handler into the route table.

    Args:
        method: HTTP method.
        path: path from the root; `{ident}` stands for a uuid or a name.
        answer: JSON schema of a successful answer.
        status: its status.
        query: its query parameters; all others are refused.
        body: JSON schema of the body.
        argument: name of the body in messages, as existing clients know it.
        public: whether the call needs no token.
    """

    def register(handler: Handler) -> Handler:
        ROUTES.append(
            Route(
                method=method,
                path=path,
                handler=handler,
                status=status,
                answer=answer,
                parameters=query or {},
                body=body,
                argument=argument,
                public=public,
            )
        )
        return handler

    return register


def checked_query(found: Route, request: webob.Request) -> Mapping[str, Any]:
    """Return the query parameters, checked.

    Raises:
        InvalidError: a parameter is unknown, given twice, or has an invalid value.
    """
    schemas = found.query
    several = {name for name, schema in schemas.items() if schema.get('type') == 'array'}
    given: dict[str, Any] = request.GET.mixed()
    given |= {name: request.GET.getall(name) for name in several.intersection(given)}
    for key in given:
        if key not in schemas:
            known = ', '.join(sorted(schemas)) or 'none'
            raise InvalidError(f'Unknown argument: "{key}". Known here: {known}.', field=key)
    check_storable(given, 'The query cannot be read.')
    _check(given, {'type': 'object', 'properties': schemas}, found.argument)
    return given


def checked_body(found: Route, request: webob.Request) -> Mapping[str, Any]:
    """Return the JSON body, checked; empty if the route has none.

    Raises:
        InvalidError: it is not a JSON object, or does not match the schema of the route.
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
    """Return the uuid or name in a path, checked.

    Raises:
        InvalidError: it has characters that no name can have.
    """
    check_storable(ident, 'The path cannot be read.')
    return ident


def check_storable(value: object, sentence: str) -> None:
    """Refuse values that Python reads as JSON and a database or another reader does not.

    Raises:
        InvalidError: the value has such a part; the message begins with `sentence`.
    """
    for why in flaws(value):
        raise InvalidError(f'{sentence} {why}')


def _check(given: object, schema: Schema, argument: str) -> None:
    validator = jsonschema.Draft202012Validator(schema)
    error = max(validator.iter_errors(given), key=relevance, default=None)
    if error is not None:
        raise _explain(error, argument)


def _explain(error: ValidationError, argument: str) -> InvalidError:
    # Without the index of a parameter that is given several times.
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
