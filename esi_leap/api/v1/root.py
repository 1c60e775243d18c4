"""Calls about the service itself: its versions, its OpenAPI document, its health."""

from __future__ import annotations

from http import HTTPStatus

from esi_leap.api import openapi
from esi_leap.api.expose import VERSIONS, Call, Reply, route
from esi_leap.api.schemas import root as schema
from esi_leap.api.views.root import render_health


def _text(version: tuple[int, int]) -> str:
    return '{}.{}'.format(*version)


@route('GET', '/', answer=schema.ROOT, public=True)
def root(call: Call) -> Reply:
    """List the API versions."""
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
    """Show the link to version 1."""
    links = [{'href': f'{call.request.application_url}/v1', 'rel': 'self'}]
    return Reply({'versions': [{'id': 'v1.0', 'status': 'CURRENT', 'links': links}]})


@route('GET', '/v1/openapi.json', answer=schema.OPENAPI, public=True)
def describe(call: Call) -> Reply:
    """Show the OpenAPI document of the API.

    It needs no token: everything in it is in the documentation as well, and the programs that read
    it (browsers, generators of clients) seldom have one.
    """
    servers = [{'url': call.request.application_url}]
    return Reply({**openapi.document(call.version), 'servers': servers})


@route('GET', '/healthcheck', answer=schema.HEALTH, public=True)
def health(call: Call) -> Reply:
    """Show whether the database answers and when a manager last looked for due tasks.

    The status is 200 even if the managers are late: that is no reason to take this API out of
    service.
    """
    last_tick = call.deps.store.last_beat('manager')
    return Reply(render_health(last_tick, call.deps.now(), call))
