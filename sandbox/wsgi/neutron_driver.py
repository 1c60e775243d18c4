"""A mechanism driver that connects bare-metal ports at once.

Those that come with Neutron need an agent, or a switch to log in to. All else is Neutron's own: who
may see and bind a port, what it is bound to, and what becomes of it.
"""

from neutron_lib import constants
from neutron_lib.api.definitions import portbindings
from neutron_lib.plugins.ml2 import api


class Driver(api.MechanismDriver):
    """Binds every bare-metal port to the first segment of its network."""

    def initialize(self) -> None:
        """Need nothing."""

    def bind_port(self, context: api.PortContext) -> None:
        """Bind a port that Ironic has told where its cable ends."""
        port = context.current
        if port[portbindings.VNIC_TYPE] != portbindings.VNIC_BAREMETAL:
            return
        segment = context.segments_to_bind[0][api.ID]
        context.set_binding(
            segment, portbindings.VIF_TYPE_OTHER, {}, status=constants.PORT_STATUS_ACTIVE
        )
