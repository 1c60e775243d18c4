"""An event: a change of an offer, a lease, a contract or a node."""

from openstack.resource import Body, QueryParameters

from esi_leap_client.v1 import _base


class Event(_base.Listed):
    """A change; its `id` is larger than those of all earlier events."""

    base_path = '/events'
    resources_key = 'events'

    _query_mapping = QueryParameters(
        'last_event_id',
        'last_event_time',
        'event_type',
        'resource_type',
        'resource_uuid',
        'lessee_or_owner_id',
    )

    #: Type, for example `esi_leap.lease.fulfill.end`.
    event_type = Body('event_type')
    #: Time, `YYYY-MM-DDTHH:MM:SS[.ffffff]` UTC.
    event_time = Body('event_time')
    #: Kind of the changed object.
    object_type = Body('object_type')
    #: UUID of the changed object.
    object_uuid = Body('object_uuid')
    #: Resource type of the node.
    resource_type = Body('resource_type')
    #: The node.
    resource_uuid = Body('resource_uuid')
    #: The lessee.
    lessee_id = Body('lessee_id')
    #: The owner or provider.
    owner_id = Body('owner_id')
