"""A recall: an owner or provider requests nodes back before the end of their leases."""

from openstack.resource import Body, QueryParameters

from esi_leap_client.v1 import _base


class Recall(_base.Listed):
    """A request for nodes and the progress of each."""

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
    #: The project that recalls: id, or name when creating.
    project_id = Body('project_id')
    #: That project's name.
    project = Body('project')
    #: The reason that the lessees are told.
    reason = Body('reason')
    #: When it was created.
    created_at = Body('created_at')
    #: When the nodes are due.
    deadline = Body('deadline')
    #: When creating, instead of a deadline: seconds from now.
    notice = Body('notice', type=int)
    #: Each node with its progress; when creating, uuids or names.
    nodes = Body('nodes', type=list)
    #: Number of nodes in each status.
    counts = Body('counts', type=dict)
    #: When creating: all nodes that the project offers or has leased out.
    all = Body('all', type=bool)
    #: When creating: `count` nodes of this class.
    resource_class = Body('resource_class')
    #: See `resource_class`.
    count = Body('count', type=int)
    #: Seconds until half (`p50`) and 99 of 100 (`p99`) of the returned nodes were back.
    latency = Body('latency', type=dict)

    @classmethod
    def _alternate_id(cls) -> str:
        """Return the attribute that is the id, as `_base.Resource` does."""
        return 'uuid'
