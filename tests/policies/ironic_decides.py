"""What Ironic itself decides: run by the Python of an environment that has Ironic in it.

Reads JSON from standard input:

    folders   name to a folder of policy files, as ``[oslo_policy] policy_dirs`` would name it
    personas  name to what a token says, as arguments of Ironic's request context
    elevated  names of the personas for whom ``rbac_service_role_elevated_access`` is on
    targets   name to what a rule is asked about

Writes JSON: ``registered``, the names of the rules that it brings;
``steps``, name to kinds of every step of the interfaces it brings; and for each folder
``decisions``, rule to target to personas that may, and ``sound``, whether every word that is used
is explained and none by itself.
"""

import importlib.metadata
import json
import sys

from ironic.common import context, policy
from ironic.conf import CONF
from oslo_policy import opts
from oslo_policy import policy as oslo_policy

_HARDWARE = 'ironic.hardware.interfaces.'
_KINDS = ('clean', 'deploy', 'service')


def _steps():
    """Look at all interfaces, enabled or not: a site may enable what another does not."""
    found = {}
    points = importlib.metadata.entry_points()
    for group in sorted(name for name in points.groups if name.startswith(_HARDWARE)):
        for entry in points.select(group=group):
            interface = entry.load()
            for name in dir(interface):
                method = getattr(interface, name, None)
                kinds = {kind for kind in _KINDS if getattr(method, f'_is_{kind}_step', False)}
                if kinds:
                    found.setdefault(f'{group.removeprefix(_HARDWARE)}.{name}', set()).update(kinds)
    return {name: sorted(kinds) for name, kinds in found.items()}


def _may(enforcer, rule, target, creds):
    try:
        # Ironic asks about the token's own fields, too.
        return enforcer.enforce(rule, {**creds, **target}, creds)
    except oslo_policy.InvalidScope:
        return False


def _decisions(folder, asked):
    CONF.set_override('policy_dirs', [folder], 'oslo_policy')
    policy._ENFORCER = None  # noqa: SLF001 - Ironic has one for a process; here is one for a folder
    enforcer = policy.get_enforcer()
    enforcer.load_rules()
    enforcer.use_conf = False  # it would look for changed files at every question
    known = set(enforcer.registered_rules)
    alike = {}  # rules that say the same decide the same, and most say what others say
    for rule in enforcer.rules:
        if rule in known or rule.startswith('baremetal:'):
            scopes = enforcer.registered_rules[rule].scope_types if rule in known else None
            alike.setdefault((str(enforcer.rules[rule]), str(scopes)), []).append(rule)
    decided = {}
    for rules in alike.values():
        may = {
            target: [
                name
                for name, creds in asked['creds'].items()
                if _may(enforcer, rules[0], fields, creds)
            ]
            for target, fields in asked['targets'].items()
        }
        decided |= dict.fromkeys(rules, may)
    return {'decisions': decided, 'sound': enforcer.check_rules()}


def _creds(name, token, asked):
    CONF.set_override('rbac_service_role_elevated_access', name in asked['elevated'])
    return context.RequestContext(**token).to_policy_values()


def main():
    """Answer the one question of standard input."""
    asked = json.load(sys.stdin)
    CONF([], project='ironic', default_config_files=[], default_config_dirs=[])
    opts._register(CONF)  # noqa: SLF001 - an enforcer does it, too; it is needed before
    asked['creds'] = {name: _creds(name, token, asked) for name, token in asked['personas'].items()}
    json.dump(
        {
            'registered': [rule.name for rule in policy.list_policies()],
            'steps': _steps(),
            'folders': {
                name: _decisions(folder, asked) for name, folder in asked['folders'].items()
            },
        },
        sys.stdout,
    )


if __name__ == '__main__':
    main()
