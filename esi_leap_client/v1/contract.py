"""A contract: the agreement under which leases are held."""

from openstack.resource import Body, QueryParameters

from esi_leap_client.v1 import _base


class Contract(_base.Booked):
    """The agreement between a provider project and a consumer project."""

    base_path = '/contracts'
    resources_key = 'contracts'

    _query_mapping = QueryParameters(
        'uuid',
        'name',
        'status',
        'project_id',
        'owner_id',
        'offer_uuid',
        'view',
        'sort_key',
        'sort_dir',
    )

    #: The provider.
    owner_id = Body('owner_id')
    #: That project's name.
    owner = Body('owner')
    #: The lessee.
    project_id = Body('project_id')
    #: That project's name.
    project = Body('project')
    #: The offer that was claimed.
    offer_uuid = Body('offer_uuid')
    #: The UUIDs of its leases.
    leases = Body('leases', type=list)
    #: Minimum notice before a recall in seconds; None: the provider can cancel at any time.
    recall_notice = Body('recall_notice', type=int)
    #: Whether it cannot be recalled.
    firm = Body('firm', type=bool)
