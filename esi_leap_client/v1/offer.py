"""An offer: a node made available over a window."""

from typing import Any

from openstack import exceptions
from openstack.resource import Body, QueryParameters

from esi_leap_client.v1 import _base
from esi_leap_client.v1.lease import Lease


class Offer(_base.Booked):
    """A node that a project makes available over a window, on terms."""

    base_path = '/offers'
    resources_key = 'offers'
    allow_create = True

    _query_mapping = QueryParameters(
        'uuid',
        'name',
        'status',
        'project_id',
        'lessee',
        'lessee_id',
        'start_time',
        'end_time',
        'available_start_time',
        'available_end_time',
        'resource_type',
        'resource_uuid',
        'resource_class',
        'parent_lease_uuid',
        'properties',
        'property',
        'sort_key',
        'sort_dir',
    )

    #: The project that offers.
    project_id = Body('project_id')
    #: That project's name.
    project = Body('project')
    #: The only project, with those below it, that may claim: id, or name when creating.
    lessee_id = Body('lessee_id')
    #: That project's name.
    lessee = Body('lessee')
    #: Resource type: `ironic_node` by default.
    resource_type = Body('resource_type')
    #: The node: uuid, or name when creating.
    resource_uuid = Body('resource_uuid')
    #: The node's name.
    resource = Body('resource')
    #: The node's resource class.
    resource_class = Body('resource_class')
    #: The node's properties.
    resource_properties = Body('resource_properties', type=dict)
    #: Free windows: a list of [start, end].
    availabilities = Body('availabilities', type=list)
    #: Arbitrary data of its creator.
    properties = Body('properties', type=dict)
    #: The lease whose lessee sub-lets with this offer.
    parent_lease_uuid = Body('parent_lease_uuid')
    #: Minimum notice before a recall in seconds; None: the provider can cancel at any time.
    recall_notice = Body('recall_notice', type=int)
    #: Whether it cannot be recalled.
    firm = Body('firm', type=bool)

    def claim(self, session: Any, **attrs: Any) -> Lease:  # noqa: ANN401 - an Adapter
        """Claim a window of the offer.

        Args:
            session: The lease proxy.
            **attrs: `start_time`, `end_time`, `name`, `purpose`, `properties`.

        Returns:
            The new lease.

        Raises:
            openstack.exceptions.HttpException: The service refused.
        """
        response = session.post(f'{self.base_path}/{self.id}/claim', json=attrs)
        exceptions.raise_from_response(response)
        return Lease.existing(connection=session._get_connection(), **response.json())  # type: ignore[no-any-return]  # noqa: SLF001 - as the SDK's own resources do
