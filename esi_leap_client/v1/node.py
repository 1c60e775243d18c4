"""A node: a bare-metal machine with its offers and leases."""

from typing import Any

from openstack import exceptions
from openstack.resource import Body, QueryParameters

from esi_leap_client.v1 import _base


class Node(_base.Resource):
    """A bare-metal machine with the offers and leases on it that the caller may see.

    If the caller only sees an offer of the node, all attributes that the offer does not have are
    None.
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
    #: The lessee's project, by name; empty if the node is not leased.
    lessee = Body('lessee')
    #: Resource type: `ironic_node` by default.
    resource_type = Body('resource_type')
    #: The resource class.
    resource_class = Body('resource_class')
    #: The properties, as Ironic has them.
    properties = Body('properties', type=dict)
    #: The offer that is open now.
    offer_uuid = Body('offer_uuid')
    #: The lease that has the node now.
    lease_uuid = Body('lease_uuid')
    #: The UUIDs of the offers that begin later.
    future_offers = Body('future_offers', type=list)
    #: The UUIDs of the leases that begin later.
    future_leases = Body('future_leases', type=list)
    #: The provision state in Ironic.
    provision_state = Body('provision_state')
    #: The provision state that Ironic works towards.
    target_provision_state = Body('target_provision_state')
    #: The power state in Ironic.
    power_state = Body('power_state')
    #: The power state that Ironic works towards.
    target_power_state = Body('target_power_state')
    #: Whether it is in maintenance: the text `True` or `False`.
    maintenance = Body('maintenance')
    #: The state of its hand-over or return.
    state = Body('state')
    #: What the hand-over or return waits for; None if it does not wait.
    reason = Body('reason')
    #: The latest trial at the gate: direction, answer, reason, evidence, …
    gate = Body('gate', type=dict)
    #: When this was read from Ironic, `YYYY-MM-DDTHH:MM:SS[.ffffff]` UTC.
    refreshed_at = Body('refreshed_at')

    def reset(self, session: Any) -> 'Node':  # noqa: ANN401 - an Adapter
        """Reset the node after the gate has rejected it.

        Args:
            session: The lease proxy.

        Returns:
            The changed node.

        Raises:
            openstack.exceptions.HttpException: The service refused.
        """
        response = session.post(f'{self.base_path}/{self.id}/reset')
        exceptions.raise_from_response(response)
        self._translate_response(response)
        return self
