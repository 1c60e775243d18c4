"""One verb of the core becomes one request to Ironic, sometimes two. Repeating it does no harm."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from esi_leap.cloud.ironic import leftovers
from esi_leap.cloud.ironic.client import Client
from esi_leap.cloud.neutron import Neutron
from esi_leap.cloud.rest import AnswerError
from esi_leap.core.handover.leftovers import BootAsUsual, EjectMedia, RemoveVolume
from esi_leap.core.handover.network import Unbind
from esi_leap.core.handover.steps import (
    ConsoleOff,
    DetachVif,
    Maintain,
    Patch,
    PowerOff,
    Provision,
    SetTraits,
    Verb,
)

#: The oldest version of the API that also aborts a deployment that waits; an older Ironic aborts
#: fewer states.
_ABORT_VERSION = '1.110'


def carry_out(ironic: Client, network: Neutron | None, uuid: str, verb: Verb) -> None:
    """Carry out a verb on a node; errors as `Service.ask` and `Neutron.unbind`."""
    node = f'/nodes/{uuid}'
    match verb:
        case Provision(target):
            _provision(ironic, node, target)
        case DetachVif(vif):
            _detach(ironic, node, vif)
        case Unbind(port):
            if network is not None:
                network.unbind(port)
        case EjectMedia() | RemoveVolume() | BootAsUsual():
            leftovers.remove(ironic, uuid, verb)
        case _:
            method, path, body = _request_of(verb)
            ironic.change(method, f'{node}{path}', body)


def _request_of(
    verb: Patch | PowerOff | ConsoleOff | Maintain | SetTraits,
) -> tuple[str, str, object]:
    """Return (method, path below the node, body) of a verb that is one request."""
    match verb:
        case Patch(values):
            return 'PATCH', '', _json_patch(values)
        case PowerOff():
            return 'PUT', '/states/power', {'target': 'power off'}
        case ConsoleOff():
            return 'PUT', '/states/console', {'enabled': False}
        case Maintain(None):
            return 'DELETE', '/maintenance', None
        case Maintain(reason):
            return 'PUT', '/maintenance', {'reason': reason}
        case SetTraits(traits):
            return 'PUT', '/traits', {'traits': list(traits)}


def _provision(ironic: Client, node: str, target: str) -> None:
    body, path = {'target': target}, f'{node}/states/provision'
    if target == 'abort':
        try:
            ironic.change('PUT', path, body, version=_ABORT_VERSION)
        except AnswerError as error:
            if error.status != HTTPStatus.NOT_ACCEPTABLE:
                raise
        else:
            return
    ironic.change('PUT', path, body)


def _detach(ironic: Client, node: str, vif: str) -> None:
    try:
        ironic.change('DELETE', f'{node}/vifs/{quote(vif, safe="")}')
    except AnswerError as error:
        if error.status != HTTPStatus.BAD_REQUEST:  # which says that it is not attached
            raise


def _json_patch(values: Mapping[str, object]) -> list[dict[str, object]]:
    return [
        {'op': 'remove', 'path': f'/{path}'}
        if value is None
        else {'op': 'add', 'path': f'/{path}', 'value': value}
        for path, value in values.items()
    ]
