"""An event: something that happened to an offer, a contract or a lease."""

from openstack.resource import Body, QueryParameters

from esi_leap_client.v1 import _base


class Event(_base.Listed):
    """One change; its `id` is a number that is larger than those of all changes before."""

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

    #: What happened, for example `esi_leap.lease.fulfill.end`.
    event_type = Body('event_type')
    #: When, `YYYY-MM-DDTHH:MM:SS[.ffffff]` UTC.
    event_time = Body('event_time')
    #: The kind of thing it happened to.
    object_type = Body('object_type')
    #: The thing.
    object_uuid = Body('object_uuid')
    #: The type of the node.
    resource_type = Body('resource_type')
    #: The node.
    resource_uuid = Body('resource_uuid')
    #: The project that takes.
    lessee_id = Body('lessee_id')
    #: The project that gives.
    owner_id = Body('owner_id')
