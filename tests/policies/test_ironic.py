"""Who may do what to a node under ``policies/ironic/50-esi.yaml``, by oslo.policy itself."""

from pathlib import Path

import pytest
from oslo_config import cfg
from oslo_policy import policy

_FILE = Path(__file__).parents[2] / 'policies' / 'ironic' / '50-esi.yaml'
_OWNER, _LESSEE, _OTHER, _SERVICE = 'owner-id', 'lessee-id', 'stranger-id', 'service-id'
_IMPLIED = ('reader', 'member', 'manager', 'admin')

_IDLE = {'node.owner': _OWNER}
_IDLE_PORT = {'node.owner': _OWNER, 'node.lessee': None}  # how Ironic puts it for ports
_LENT = {'node.owner': _OWNER, 'node.lessee': _LESSEE}

LOOK = ('node:get', 'node:get_states', 'node:vif:list', 'port:get', 'volume:get')
INSPECT = ('node:get:last_error', 'node:history:get', 'node:inventory:get')
USE = (
    'node:set_provision_state',
    'node:set_power_state',
    'node:get_console',
    'node:set_console_state',
    'node:update_extra',
    'node:update_instance_info',
    'node:vif:detach',
)
USE_ONLY = ('node:validate', 'node:vif:attach', 'node:set_boot_device', 'node:vmedia:attach')
CONFIGURE = ('node:update', 'node:update:properties')
CONFIGURE_ONLY = (
    'node:update:driver_info',
    'node:update:name',
    'node:set_maintenance',
    'node:set_secure_boot',
    'node:set_provision_state:clean_steps',
    'step:execute:bios.factory_reset',
)
LESSEE = ('node:update:lessee',)

# Who may do it: to a node that is not lent, and to one that is.
_OPERATOR = {'system-admin', 'system-member'}
_OWNERS = {'owner-member', 'owner-manager', 'owner-admin'}
_LESSEES = {'lessee-member', 'lessee-manager', 'lessee-admin'}
_SYSTEM = _OPERATOR | {'system-reader'}
_ALL_OWNERS, _ALL_LESSEES = _OWNERS | {'owner-reader'}, _LESSEES | {'lessee-reader'}
TABLE = (
    (LOOK, _SYSTEM | _ALL_OWNERS | {'service'}, _SYSTEM | _ALL_OWNERS | _ALL_LESSEES | {'service'}),
    (INSPECT, _SYSTEM | _ALL_OWNERS | {'service'}, _SYSTEM | _ALL_OWNERS | {'service'}),
    (USE, _OPERATOR | _OWNERS | {'service'}, _OPERATOR | _LESSEES | {'service'}),
    (USE_ONLY, _OPERATOR | _OWNERS, _OPERATOR | _LESSEES),
    (CONFIGURE, _OPERATOR | _OWNERS | {'service'}, _OPERATOR | {'service'}),
    (CONFIGURE_ONLY, _OPERATOR | _OWNERS, _OPERATOR),
    (LESSEE, {'system-admin', 'service'}, {'system-admin', 'service'}),
)


def _personas() -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    for level, role in enumerate(_IMPLIED):
        roles = list(_IMPLIED[: level + 1])
        for project, number in (('owner', _OWNER), ('lessee', _LESSEE), ('stranger', _OTHER)):
            found[f'{project}-{role}'] = {'roles': roles, 'project_id': number}
        if role != 'manager':
            found[f'system-{role}'] = {'roles': roles, 'project_id': None, 'system_scope': 'all'}
    found['service'] = {'roles': ['service', 'esi_leap'], 'project_id': _SERVICE}
    found['other-service'] = {'roles': ['service'], 'project_id': _SERVICE}
    return found


@pytest.fixture(scope='module')
def enforcer() -> policy.Enforcer:
    enforcer = policy.Enforcer(cfg.ConfigOpts(), use_conf=False)
    rules = policy.Rules.load(_FILE.read_text())
    # Ironic's own word for services with elevated access, which is off by default.
    rules.update(policy.Rules.from_dict({'service_role': '!'}))
    enforcer.set_rules(rules, use_conf=False)
    return enforcer


def _allowed(enforcer: policy.Enforcer, deed: str, node: dict[str, str | None]) -> set[str]:
    rule = f'baremetal:{deed}'
    assert rule in enforcer.rules
    return {
        name for name, creds in _personas().items() if enforcer.enforce(rule, dict(node), creds)
    }


@pytest.mark.parametrize(
    ('deed', 'idle', 'lent'),
    [(deed, idle, lent) for deeds, idle, lent in TABLE for deed in deeds],
)
def test_who_may(enforcer: policy.Enforcer, deed: str, idle: set[str], lent: set[str]) -> None:
    assert _allowed(enforcer, deed, _IDLE) == idle
    assert _allowed(enforcer, deed, _LENT) == lent


@pytest.mark.parametrize('deed', ['port:create', 'port:update', 'portgroup:delete'])
def test_ports_are_rewired_by_the_managers_of_an_owner_whose_node_is_not_lent(
    enforcer: policy.Enforcer, deed: str
) -> None:
    idle, lent = _allowed(enforcer, deed, _IDLE_PORT), _allowed(enforcer, deed, _LENT)
    assert idle - _OPERATOR == {'owner-manager', 'owner-admin'}
    assert lent <= _OPERATOR


def test_an_owner_deletes_his_node_only_while_it_is_not_lent(enforcer: policy.Enforcer) -> None:
    deed = 'node:delete:self_owned_node'
    assert _allowed(enforcer, deed, _IDLE) == {'owner-admin'}
    assert _allowed(enforcer, deed, _LENT) == set()


def test_the_service_sees_every_node_and_other_services_do_not(enforcer: policy.Enforcer) -> None:
    assert _allowed(enforcer, 'node:list_all', {}) == _SYSTEM | {'service'}


@pytest.mark.parametrize(
    'deed', sorted({deed for deeds, _, _ in TABLE for deed in deeds if 'list' not in deed})
)
def test_a_stranger_and_other_services_may_nothing(enforcer: policy.Enforcer, deed: str) -> None:
    strangers = {f'stranger-{role}' for role in _IMPLIED} | {'other-service'}
    for node in (_IDLE, _LENT):
        assert not _allowed(enforcer, deed, node) & strangers


def test_every_word_that_is_used_is_explained(enforcer: policy.Enforcer) -> None:
    text = '\n'.join(str(check) for check in enforcer.rules.values())
    used = {word.rstrip(')') for word in text.replace('(', ' ').split() if 'rule:' in word}
    assert {word.removeprefix('rule:') for word in used} <= set(enforcer.rules)
