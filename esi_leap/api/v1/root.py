"""The documents that need no token: what is here, and whether it is well."""

from __future__ import annotations

from http import HTTPStatus

from esi_leap.api import openapi, views
from esi_leap.api.expose import VERSIONS, Call, Reply, route
from esi_leap.api.schemas import root as schema


def _text(version: tuple[int, int]) -> str:
    return '{}.{}'.format(*version)


@route('GET', '/', answer=schema.ROOT, public=True)
def root(call: Call) -> Reply:
    """Tell what versions there are."""
    version = {
        'id': 'v1',
        'links': [{'href': f'{call.request.application_url}/v1', 'rel': 'self'}],
        'status': 'CURRENT',
        'min_version': _text(VERSIONS[0]),
        'version': _text(VERSIONS[-1]),
    }
    return Reply(
        {
            'name': 'ESI Leap API',
            'description': 'ESI Leap is a service that leases bare-metal nodes between projects.',
            'default_version': version,
            'versions': [version],
        }
    )


@route('GET', '/v1', answer=schema.VERSION, status=HTTPStatus.MULTIPLE_CHOICES)
def version(call: Call) -> Reply:
    """Tell where version 1 is."""
    links = [{'href': f'{call.request.application_url}/v1', 'rel': 'self'}]
    return Reply({'versions': [{'id': 'v1.0', 'status': 'CURRENT', 'links': links}]})


@route('GET', '/v1/openapi.json', answer=schema.OPENAPI, public=True)
def describe(call: Call) -> Reply:
    """Describe every call, as an OpenAPI document.

    It needs no token: it says nothing of this deployment that is not in the documentation, and the
    programs that read it (browsers, generators of clients) seldom have one.
    """
    here = [{'url': call.request.application_url}]
    return Reply({**openapi.document(call.version), 'servers': here})


@route('GET', '/healthcheck', answer=schema.HEALTH, public=True)
def health(call: Call) -> Reply:
    """Tell whether the database answers, and when a manager last looked what is due.

    A manager that is late is no reason to take this API out of service: the status stays 200.
    """
    last_tick = call.deps.store.last_beat('manager')
    return Reply(views.health(last_tick, call.deps.now(), call))
