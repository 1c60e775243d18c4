"""A node: a machine of Ironic, and what is booked on it."""

from typing import Any

from openstack import exceptions
from openstack.resource import Body, QueryParameters

from esi_leap_client.v1 import _base


class Node(_base.Resource):
    """A bare-metal machine with the offers and leases on it that one may see.

    Of a node that is only to be claimed, the service tells what its offer tells; the rest is None.
    """

    base_path = '/nodes'
    resources_key = 'nodes'
    proof = 'future_offers'

    _query_mapping = QueryParameters(
        'uuid',
        'name',
        'owner',
        'lessee',
        'resource_type',
        'resource_class',
        'property',
        'offer_uuid',
        'lease_uuid',
        'sort_key',
        'sort_dir',
    )

    #: The owner's project, by name.
    owner = Body('owner')
    #: The project that holds the node, by name; empty if none does.
    lessee = Body('lessee')
    #: What kind of resource it is: `ironic_node` by default.
    resource_type = Body('resource_type')
    #: The resource class.
    resource_class = Body('resource_class')
    #: The properties, as Ironic has them.
    properties = Body('properties', type=dict)
    #: The offer that is open now.
    offer_uuid = Body('offer_uuid')
    #: The lease under which it is held now.
    lease_uuid = Body('lease_uuid')
    #: The UUIDs of the offers that begin later.
    future_offers = Body('future_offers', type=list)
    #: The UUIDs of the leases that begin later.
    future_leases = Body('future_leases', type=list)
    #: Ironic's state of it.
    provision_state = Body('provision_state')
    #: The state that Ironic is taking it to.
    target_provision_state = Body('target_provision_state')
    #: Whether it is switched on, as far as Ironic knows.
    power_state = Body('power_state')
    #: What Ironic is switching it to.
    target_power_state = Body('target_power_state')
    #: Whether it is in maintenance: the text `True` or `False`.
    maintenance = Body('maintenance')
    #: How far its hand-over or return is.
    state = Body('state')
    #: Why it is no further, where there is something to say.
    reason = Body('reason')
    #: How it stands, or last stood, at the gate: direction, answer, reason, evidence, …
    gate = Body('gate', type=dict)
    #: When this was read from Ironic, `YYYY-MM-DDTHH:MM:SS[.ffffff]` UTC.
    refreshed_at = Body('refreshed_at')

    def reset(self, session: Any) -> 'Node':  # noqa: ANN401 - an Adapter
        """Let the node come back after the gate has rejected it.

        Args:
            session: The lease proxy.

        Returns:
            The node as it is now.

        Raises:
            openstack.exceptions.HttpException: The service refused.
        """
        response = session.post(f'{self.base_path}/{self.id}/reset')
        exceptions.raise_from_response(response)
        self._translate_response(response)
        return self
