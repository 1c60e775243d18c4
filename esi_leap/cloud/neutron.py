"""The network attachments of nodes: ports in Neutron. See `core.handover.network`.

The requests need the role service: to other users Neutron does not show what a port is bound to,
and leaves the ports of other projects out of its lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from esi_leap.cloud.rest import AnswerError, Service, SilenceError, is_unavailable
from esi_leap.core.errors import NodeBusyError, UnavailableError
from esi_leap.core.handover.network import Attachment, Attachments

_HOST = 'binding:host_id'
_FIELDS = ('id', 'project_id', 'device_owner', _HOST)
_NEEDED = 'The user of [neutron] needs the role service.'
#: Roles to which Neutron shows the ports of every project.
_SEEING = frozenset({'service', 'admin'})
#: How the `device_owner` of ports that Ironic makes for itself begins.
_IRONIC = 'baremetal:'


class Neutron:
    """The ports of one Neutron.

    Args:
        service: the API of Neutron, version 2.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def ports(self, node: str, attached: Sequence[str]) -> Attachments:
        """Return the network attachments of a node; if Neutron does not answer, they say so.

        Args:
            node: its uuid.
            attached: the virtual interfaces that Ironic lists.
        """
        try:
            bound = self._list({_HOST: node})
            known = {each['id'] for each in bound}
            others = [vif for vif in attached if vif not in known]
            listed = self._list({'id': others}) if others else []
        except (NodeBusyError, UnavailableError) as error:
            return Attachments(unseen=error.message)
        return Attachments(
            tuple(
                Attachment(
                    id=each['id'],
                    project_id=each['project_id'],
                    bound=each[_HOST] == node,
                    of_ironic=_is_of_ironic(each, attached),
                )
                for each in (*bound, *listed)
            )
        )

    def unbind(self, port: str) -> None:
        """Unbind a port from its node and give it a MAC address of its own again.

        It had the MAC address of the node, which the port of the next lessee needs. A port that is
        gone is fine.

        Raises:
            NodeBusyError: Neutron refuses.
            UnavailableError: Neutron does not answer, or hides ports from this service.
        """
        # Two steps: Neutron changes no address of a port that is bound.
        for values in ({_HOST: '', 'binding:profile': {}}, {'mac_address': None}):
            try:
                path = f'/ports/{quote(port, safe="")}'
                self._service.ask('PUT', path, json={'port': values})
            except AnswerError as error:
                if error.status == HTTPStatus.NOT_FOUND:
                    self.check()
                    return
                raise _error_of(error) from error
            except SilenceError as error:
                raise _silent() from error

    def check(self) -> None:
        """Check that Neutron shows this service the ports of every project.

        Raises:
            NodeBusyError: Neutron refuses.
            UnavailableError: it hides them, or does not answer; the message says which.
        """
        self._list({'limit': 1})

    def _list(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        try:
            roles = self._service.roles()
            found = self._service.get('/ports', params={**query, 'fields': _FIELDS})['ports']
        except AnswerError as error:
            raise _error_of(error) from error
        except SilenceError as error:
            raise _silent() from error
        # An empty list proves nothing where ports are hidden from us.
        if not (roles is None or roles & _SEEING) or any(_HOST not in each for each in found):
            raise UnavailableError(f'Neutron hides ports from this service. {_NEEDED}')
        ports: list[dict[str, Any]] = found
        return ports


def _is_of_ironic(port: dict[str, Any], attached: Sequence[str]) -> bool:
    """Tell whether Ironic made a port for itself; a tenant's is attached, whatever it says."""
    return port['device_owner'].startswith(_IRONIC) and port['id'] not in attached


def _error_of(error: AnswerError) -> NodeBusyError | UnavailableError:
    if error.status == HTTPStatus.FORBIDDEN:
        return UnavailableError(f'Neutron refused (403): {error.reason} {_NEEDED}')
    if is_unavailable(error.status):
        return UnavailableError(f'Neutron answered {error.status}; try again.')
    return NodeBusyError(f'Neutron refused ({error.status}): {error.reason}')


def _silent() -> UnavailableError:
    return UnavailableError('Neutron does not answer; try again.')
