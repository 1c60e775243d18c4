"""The policy: its rules, and the enforcer that `Context.can` asks.

The names are those of the existing lease service. `is_owner` and `is_lessee` accept its roles, for
users who hold no other role; beside them stand Keystone's reader, member, manager and admin, of
which each implies the one before.
"""

from __future__ import annotations

from collections.abc import Mapping

from oslo_config import cfg
from oslo_context import context
from oslo_policy import policy

_READ = 'rule:is_admin or rule:is_owner or rule:is_lessee or role:reader'
_WRITE = 'rule:is_admin or rule:is_owner or rule:is_lessee or role:member'
_PROVIDE = 'rule:is_admin or rule:is_owner or role:member'
_USER = '(rule:is_owner or rule:is_lessee or role:reader)'
_MEMBER = '(rule:is_owner or rule:is_lessee or role:member)'


def _rule(name: str, check: str, description: str, *routes: str) -> policy.DocumentedRuleDefault:
    operations: list[policy.Operation] = []
    for route in routes:
        method, path = route.split(' ')
        operations.append({'method': method, 'path': path})
    return policy.DocumentedRuleDefault(name, check, description, operations)


ALIASES = [
    policy.RuleDefault('is_admin', 'role:admin or role:esi_leap_admin', 'Service admins'),
    policy.RuleDefault(
        'is_owner',
        'role:owner or role:esi_leap_owner',
        'Owners, by the roles of the existing service',
    ),
    policy.RuleDefault(
        'is_lessee',
        'role:lessee or role:esi_leap_lessee',
        'Lessees, by the roles of the existing service',
    ),
    policy.RuleDefault('is_offer_owner', 'project_id:%(offer.project_id)s', 'Project of the offer'),
    policy.RuleDefault('is_lease_owner', 'project_id:%(lease.owner_id)s', 'Provider of the lease'),
    policy.RuleDefault('is_lease_lessee', 'project_id:%(lease.project_id)s', 'Lessee of the lease'),
    policy.RuleDefault(
        'is_recall_owner', 'project_id:%(recall.project_id)s', 'Project of the recall'
    ),
    policy.RuleDefault(
        'is_node_holder',
        'project_id:%(node.holder_id)s',
        'Present lessee of the node, or its owner',
    ),
    policy.RuleDefault(
        'is_lease_lender',
        'project_id:%(lease.lender_id)s',
        'Provider of the lease that a lease is sub-let from',
    ),
    policy.RuleDefault(
        'is_lease_party',
        'rule:is_lease_owner or rule:is_lease_lessee',
        'Provider or lessee of the lease',
    ),
]

RULES = [
    _rule(
        'esi_leap:offer:offer_admin',
        'rule:is_admin',
        'Offer the nodes of other projects; see and claim every offer',
        'GET /v1/offers',
        'POST /v1/offers',
    ),
    _rule(
        'esi_leap:offer:create',
        _PROVIDE,
        'Offer a node that the project owns or has leased',
        'POST /v1/offers',
    ),
    _rule('esi_leap:offer:get', _READ, 'Show an offer', 'GET /v1/offers/{ident}'),
    _rule('esi_leap:offer:get_all', _READ, 'List offers', 'GET /v1/offers'),
    _rule(
        'esi_leap:offer:delete',
        f'rule:is_admin or ({_MEMBER} and rule:is_offer_owner)',
        'Withdraw an offer and cancel the leases claimed from it',
        'DELETE /v1/offers/{ident}',
    ),
    _rule(
        'esi_leap:offer:claim',
        _WRITE,
        'Claim a window of an offer',
        'POST /v1/offers/{ident}/claim',
    ),
    _rule(
        'esi_leap:lease:lease_admin',
        'rule:is_admin',
        'See the leases and contracts of all projects; lease for longer than max_lease_time',
        'GET /v1/leases',
        'GET /v1/contracts',
    ),
    _rule(
        'esi_leap:lease:create',
        _PROVIDE,
        'Lease out a node that the project owns or has leased',
        'POST /v1/leases',
    ),
    _rule(
        'esi_leap:lease:get',
        f'rule:is_admin or ({_USER} and (rule:is_lease_party or rule:is_lease_lender))',
        'Show a lease, or a lease that is sub-let from it',
        'GET /v1/leases/{ident}',
    ),
    _rule('esi_leap:lease:get_all', _READ, 'List leases', 'GET /v1/leases'),
    _rule(
        'esi_leap:lease:update',
        'rule:is_admin',
        'Extend a lease',
        'PATCH /v1/leases/{ident}',
    ),
    _rule(
        'esi_leap:lease:amend',
        f'rule:is_admin or ({_MEMBER} and rule:is_lease_party)',
        'Change name, purpose and properties of a lease, or shorten it',
        'PATCH /v1/leases/{ident}',
    ),
    _rule(
        'esi_leap:lease:delete',
        f'rule:is_admin or ({_MEMBER} and rule:is_lease_party)',
        'Cancel a lease',
        'DELETE /v1/leases/{ident}',
    ),
    _rule(
        'esi_leap:contract:get',
        f'rule:is_admin or ({_USER} and rule:is_lease_party)',
        'Show a contract',
        'GET /v1/contracts/{ident}',
    ),
    _rule('esi_leap:contract:get_all', _READ, 'List contracts', 'GET /v1/contracts'),
    _rule(
        'esi_leap:contract:delete',
        f'rule:is_admin or ({_MEMBER} and rule:is_lease_party)',
        'Cancel a contract and its leases',
        'DELETE /v1/contracts/{ident}',
    ),
    _rule(
        'esi_leap:recall:recall_admin',
        'rule:is_admin',
        'See and cancel the recalls of all projects; recall the nodes of another project',
        'GET /v1/recalls',
        'POST /v1/recalls',
    ),
    _rule(
        'esi_leap:recall:create',
        _PROVIDE,
        'Recall nodes that the project owns, offers or leases out',
        'POST /v1/recalls',
    ),
    _rule(
        'esi_leap:recall:get',
        f'rule:is_admin or ({_USER} and rule:is_recall_owner)',
        'Show a recall',
        'GET /v1/recalls/{ident}',
    ),
    _rule('esi_leap:recall:get_all', _READ, 'List recalls', 'GET /v1/recalls'),
    _rule(
        'esi_leap:recall:delete',
        f'rule:is_admin or ({_MEMBER} and rule:is_recall_owner)',
        'Cancel a recall',
        'DELETE /v1/recalls/{ident}',
    ),
    _rule(
        'esi_leap:node:node_admin',
        'rule:is_admin or (role:reader and system_scope:all)',
        'See all nodes',
        'GET /v1/nodes',
        'GET /v1/nodes/{ident}',
    ),
    _rule(
        'esi_leap:node:get_all',
        _READ,
        'List and show the nodes of the project and the nodes that it may claim',
        'GET /v1/nodes',
        'GET /v1/nodes/{ident}',
    ),
    _rule(
        'esi_leap:node:reset',
        'rule:is_admin',
        'Clean a node that the gate has rejected, and let the gate decide again',
        'POST /v1/nodes/{ident}/reset',
    ),
    _rule(
        'esi_leap:event:event_admin',
        'rule:is_admin',
        'See the events of the offers, contracts and leases of all projects',
        'GET /v1/events',
    ),
    _rule('esi_leap:event:get_all', _READ, 'List the events of the project', 'GET /v1/events'),
    _rule(
        'esi_leap:console_auth_token:create',
        f'({_WRITE}) and rule:is_node_holder',
        'Create a token for the console of a node; for its holder only, and if Ironic allows it',
        'POST /v1/console_auth_tokens',
    ),
    _rule(
        'esi_leap:console_auth_token:delete',
        f'rule:is_admin or ({_MEMBER} and rule:is_node_holder)',
        'Delete the tokens of a node and close its consoles',
        'DELETE /v1/console_auth_tokens/{ident}',
    ),
]


def list_rules() -> list[policy.RuleDefault]:
    """Return all rules, for the sample and for the enforcer."""
    return [*ALIASES, *RULES]


def make_enforcer(conf: cfg.ConfigOpts) -> policy.Enforcer:
    """Return the enforcer of one service instance, with all rules registered."""
    made = policy.Enforcer(conf)
    made.register_defaults(list_rules())
    return made


def get_enforcer() -> policy.Enforcer:
    """Return an enforcer for the command-line tools of oslo.policy."""
    conf = cfg.ConfigOpts()
    conf([], project='esi-leap')
    return make_enforcer(conf)


def allows(
    enforcer: policy.Enforcer,
    rule: str,
    target: Mapping[str, object],
    creds: context.RequestContext,
) -> bool:
    """Tell whether a rule allows a call.

    Raises:
        PolicyNotRegistered: there is no such rule, which is a defect.
    """
    return enforcer.authorize(rule, dict(target), creds, do_raise=False)
