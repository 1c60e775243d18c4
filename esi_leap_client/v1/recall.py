"""A recall: an owner has nodes back before the time for which he has lent them is over."""

from openstack.resource import Body, QueryParameters

from esi_leap_client.v1 import _base


class Recall(_base.Listed):
    """Nodes that come back, and how far each of them is."""

    base_path = '/recalls'
    resources_key = 'recalls'
    proof = 'status'
    allow_create = True
    allow_fetch = True
    allow_delete = True

    _query_mapping = QueryParameters('uuid', 'project_id', 'status', 'view', 'sort_key', 'sort_dir')

    #: The UUID.
    uuid = Body('uuid', alternate_id=True)
    #: `pending`, `complete` or `cancelled`.
    status = Body('status')
    #: The project that has the nodes back: id, or name when creating.
    project_id = Body('project_id')
    #: That project's name.
    project = Body('project')
    #: Why, as the lessees are told.
    reason = Body('reason')
    #: When it was made.
    created_at = Body('created_at')
    #: By when the nodes are asked for.
    deadline = Body('deadline')
    #: When creating, instead of a deadline: seconds from now.
    notice = Body('notice', type=int)
    #: Each node, and how far it is; when creating, their uuids or names.
    nodes = Body('nodes', type=list)
    #: How many of them are how far.
    counts = Body('counts', type=dict)
    #: When creating: all that was given away.
    all = Body('all', type=bool)
    #: When creating: `count` nodes of this class.
    resource_class = Body('resource_class')
    #: See `resource_class`.
    count = Body('count', type=int)
    #: Seconds until half (`p50`) and 99 of 100 (`p99`) of the nodes that are back were.
    latency = Body('latency', type=dict)

    @classmethod
    def _alternate_id(cls) -> str:
        """Name the attribute that is the id, as `_base.Resource` does."""
        return 'uuid'
