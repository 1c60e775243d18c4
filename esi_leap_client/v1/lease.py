"""A lease: one node, one lessee, one window."""

from openstack.resource import Body, QueryParameters

from esi_leap_client.v1 import _base


class Lease(_base.Booked):
    """One node, leased to one project for one window, under one contract."""

    base_path = '/leases'
    resources_key = 'leases'
    allow_create = True
    allow_commit = True
    commit_method = 'PATCH'

    _query_mapping = QueryParameters(
        'uuid',
        'name',
        'status',
        'project_id',
        'owner_id',
        'offer_uuid',
        'contract_uuid',
        'parent_lease_uuid',
        'view',
        'start_time',
        'end_time',
        'resource_type',
        'resource_uuid',
        'resource_class',
        'purpose',
        'properties',
        'property',
        'sort_key',
        'sort_dir',
    )

    #: The lessee: id, or name when creating.
    project_id = Body('project_id')
    #: That project's name.
    project = Body('project')
    #: The provider: the project that leases the node out.
    owner_id = Body('owner_id')
    #: That project's name.
    owner = Body('owner')
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
    #: When the node was handed over.
    fulfill_time = Body('fulfill_time')
    #: When the lessee lost the node.
    expire_time = Body('expire_time')
    #: Arbitrary data of its creator.
    properties = Body('properties', type=dict)
    #: The purpose.
    purpose = Body('purpose')
    #: The offer it was claimed from.
    offer_uuid = Body('offer_uuid')
    #: The contract it belongs to.
    contract_uuid = Body('contract_uuid')
    #: The lease it was sub-let from.
    parent_lease_uuid = Body('parent_lease_uuid')
    #: Minimum notice before a recall in seconds; None: the provider can cancel at any time.
    recall_notice = Body('recall_notice', type=int)
    #: Whether it cannot be recalled.
    firm = Body('firm', type=bool)
    #: The recall that ends it early: `uuid`, `deadline`, `reason`, and for the lessee
    #: `offers` to claim instead.
    recall = Body('recall', type=dict)
