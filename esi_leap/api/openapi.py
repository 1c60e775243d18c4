"""The OpenAPI document, made from the route table and its schemas.

There is one for each version of the API.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from typing import Any

from esi_leap.api.expose import ROUTES, VERSIONS, Route
from esi_leap.api.samples import sample
from esi_leap.api.schemas import common

_JSON = 'application/json'
#: Meaning of each error status; `api.errors` has the table from error to status.
_MEANINGS = {
    HTTPStatus.BAD_REQUEST: 'The request can never work as it is; the message says why.',
    HTTPStatus.UNAUTHORIZED: 'There is no valid token.',
    HTTPStatus.FORBIDDEN: 'The caller may see this, but not do it.',
    HTTPStatus.NOT_FOUND: 'It does not exist, or the caller may not know that it does.',
    HTTPStatus.METHOD_NOT_ALLOWED: 'This path has other methods; the header Allow names them.',
    HTTPStatus.NOT_ACCEPTABLE: 'There is no such version of the API.',
    HTTPStatus.CONFLICT: 'The request is sound, but the world is in another state.',
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: 'The body of the request is too long.',
    HTTPStatus.TOO_MANY_REQUESTS: 'The project calls too often; Retry-After says when to go on.',
    HTTPStatus.INTERNAL_SERVER_ERROR: 'A defect of the service; its log tells more.',
    HTTPStatus.SERVICE_UNAVAILABLE: 'The database, Keystone or Ironic does not answer; try again.',
}
_MOMENTS = {
    '': {
        'type': 'string',
        'pattern': r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$',
        'description': 'A time in UTC, without an offset.',
    },
    'Z': {
        'type': 'string',
        'format': 'date-time',
        'pattern': r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$',
        'description': 'A time in UTC.',
    },
}


def components(version: tuple[int, int]) -> dict[str, Any]:
    """Return the named schemas of a version of the API."""
    moment = _MOMENTS['' if version == VERSIONS[0] else 'Z']
    return dict(sorted({**common.COMPONENTS, 'Moment': moment}.items()))


def failures(route: Route) -> list[HTTPStatus]:
    """Return the error statuses that a call can answer."""
    noun = not route.public and route.path.count('/') > 1
    known = {
        HTTPStatus.BAD_REQUEST: True,
        HTTPStatus.UNAUTHORIZED: not route.public,
        HTTPStatus.FORBIDDEN: noun,
        HTTPStatus.NOT_FOUND: noun,
        HTTPStatus.NOT_ACCEPTABLE: True,
        HTTPStatus.CONFLICT: noun,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: route.body is not None,
        HTTPStatus.TOO_MANY_REQUESTS: not route.public,
        HTTPStatus.INTERNAL_SERVER_ERROR: True,
        HTTPStatus.SERVICE_UNAVAILABLE: True,
    }
    return [status for status, possible in known.items() if possible]


@cache
def document(version: tuple[int, int]) -> dict[str, Any]:
    """Return the OpenAPI document of a version of the API."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, version)
    return {
        'openapi': '3.1.0',
        'info': {
            'title': 'ESI Leap',
            'summary': 'Leases of bare-metal nodes between projects.',
            'version': _text(version),
            'license': {'name': 'Apache-2.0', 'identifier': 'Apache-2.0'},
        },
        'security': [{'token': []}],
        'tags': [{'name': each} for each in sorted({route.noun for route in ROUTES})],
        'paths': dict(sorted(paths.items())),
        'components': {
            'schemas': components(version),
            'responses': {status.phrase.replace(' ', ''): _failure(status) for status in _MEANINGS},
            'parameters': {'version': _version_parameter(version)},
            'headers': {
                'request_id': {
                    'description': 'Id of the request in the logs of the service.',
                    'schema': {'type': 'string', 'pattern': '^req-'},
                },
                'version': {
                    'description': 'API version of the answer.',
                    'schema': common.one_of(f'lease {_text(each)}' for each in VERSIONS),
                },
            },
            'securitySchemes': {
                'token': {
                    'type': 'apiKey',
                    'in': 'header',
                    'name': 'X-Auth-Token',
                    'description': 'A Keystone token.',
                }
            },
        },
    }


def operation_id(route: Route) -> str:
    """Return the name of a call, noun and verb. It never changes."""
    verb = {'index': 'list'}.get(route.handler.__name__, route.handler.__name__)
    return f'{route.noun}_{verb}'


def _operation(route: Route, version: tuple[int, int]) -> dict[str, Any]:
    shown = sample(route) if version == VERSIONS[-1] else {}
    status, schema = route.outcome(version)
    success: dict[str, Any] = {'description': status.phrase, 'headers': _headers()}
    if schema is not None:
        success['content'] = {_JSON: {'schema': schema, **_example(shown, 'answer')}}
    if status is HTTPStatus.CREATED:
        success['headers']['Location'] = {
            'description': 'Address of the new object.',
            'required': True,
            'schema': {'type': 'string', 'format': 'uri'},
        }
        success['links'] = dict(_links(route))
    found: dict[str, Any] = {
        'operationId': operation_id(route),
        'summary': (route.handler.__doc__ or '').splitlines()[0].removesuffix('.'),
        'tags': [route.noun],
        'parameters': list(_parameters(route)),
        'responses': {
            str(int(status)): success,
            **{str(int(each)): _ref('responses', each.phrase) for each in failures(route)},
        },
    }
    if route.body is not None:
        content = {'schema': route.body, **_example(shown, 'body')}
        found['requestBody'] = {'required': True, 'content': {_JSON: content}}
    if route.public:
        found['security'] = []
    return found


def _links(route: Route) -> Iterator[tuple[str, Any]]:
    """Yield the name and link of each call on the object that a call has created."""
    homes = {
        each.path
        for each in ROUTES
        if each.method == 'GET' and each.path.endswith('/{ident}') and each.answer == route.answer
    }
    for each in ROUTES:
        if any(each.path.startswith(home) for home in homes):
            name = operation_id(each)
            yield name, {'operationId': name, 'parameters': {'ident': '$response.body#/uuid'}}


def _example(shown: dict[str, Any], what: str) -> dict[str, Any]:
    return {'example': shown[what]} if what in shown else {}


def _parameters(route: Route) -> Iterator[dict[str, Any]]:
    yield _ref('parameters', 'version')
    for name in re.findall(r'{(\w+)}', route.path):
        yield {'name': name, 'in': 'path', 'required': True, 'schema': common.IDENT}
    for name, schema in route.query.items():
        yield {'name': name, 'in': 'query', 'schema': schema}


def _version_parameter(version: tuple[int, int]) -> dict[str, Any]:
    return {
        'name': 'OpenStack-API-Version',
        'in': 'header',
        'description': 'The version that this document describes. Without it a call is one of '
        f'version {_text(VERSIONS[0])}.',
        'schema': {'type': 'string', 'const': f'lease {_text(version)}'},
    }


def _failure(status: HTTPStatus) -> dict[str, Any]:
    return {
        'description': _MEANINGS[status],
        'headers': _headers(),
        'content': {_JSON: {'schema': common.ERROR}},
    }


def _headers() -> dict[str, Any]:
    return {
        'X-Openstack-Request-Id': _ref('headers', 'request_id'),
        'OpenStack-API-Version': _ref('headers', 'version'),
    }


def _ref(kind: str, name: str) -> dict[str, Any]:
    return {'$ref': f'#/components/{kind}/{name.replace(" ", "")}'}


def _text(version: tuple[int, int]) -> str:
    return '{}.{}'.format(*version)
