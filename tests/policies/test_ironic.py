"""Every rule of Ironic, for everybody, as Ironic decides it under the files of `policies/ironic`.

Ironic is that of the sandbox's environment; none has to run.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from policies import forms
from sandbox import environments
from sandbox.layout import Layout

pytestmark = pytest.mark.sandbox

FOLDER = Path(__file__).parents[2] / 'policies' / 'ironic'
SOURCE, OPTION = FOLDER / '50-esi.yaml', FOLDER / '60-esi-owner-power-off.yaml'
FLAT, FLAT_STEPS = FOLDER / 'flat' / '50-esi.yaml', FOLDER / 'flat' / '51-esi-steps.yaml'
FLAT_OPTION = FOLDER / 'flat' / OPTION.name
TABLE = yaml.safe_load((FOLDER / 'rules.yaml').read_text(encoding='utf-8'))
STEPS = yaml.safe_load((FOLDER / 'steps.yaml').read_text(encoding='utf-8'))

FORMS = {
    'default': (),
    'source': (SOURCE,),
    'flat': (FLAT, FLAT_STEPS),
    'source with option': (SOURCE, OPTION),
    'flat with option': (FLAT, FLAT_STEPS, FLAT_OPTION),
}

_ROLES = ('reader', 'member', 'manager', 'admin')
COLUMNS = (
    [f'system-{role}' for role in ('reader', 'member', 'admin', 'service')],
    ['esi_leap', 'elevated', 'other'],
    *(
        [f'{whose}-{role}' for role in (*_ROLES, 'service')]
        for whose in ('owner', 'lessee', 'stranger')
    ),
)
_SERVICE = {'project_id': 'service-id', 'project_name': 'service'}

_OWNED = {f'{what}.owner': 'owner-id' for what in ('node', 'allocation', 'runbook')}
TARGETS = {
    'free': _OWNED,
    'free, as ports have it': {**_OWNED, 'node.lessee': None},
    'lent': {**_OWNED, 'node.lessee': 'lessee-id'},
}


def _personas() -> dict[str, dict[str, object]]:
    """Return what everybody's token says; a role of Keystone's implies those before it."""
    found: dict[str, dict[str, object]] = {
        'esi_leap': {'roles': ['service', 'esi_leap'], **_SERVICE},
        'elevated': {'roles': ['service'], **_SERVICE},
        'other': {'roles': ['service'], **_SERVICE},
    }
    for name in (name for column in COLUMNS for name in column if '-' in name):
        whose, _, role = name.partition('-')
        roles = [role] if role == 'service' else list(_ROLES[: _ROLES.index(role) + 1])
        scope = (
            {'system_scope': 'all'}
            if whose == 'system'
            else {'project_id': f'{whose}-id', 'project_name': whose}
        )
        found[name] = {'roles': roles, **scope}
    return found


@dataclass
class Ironic:
    """What an Ironic brings, and what it decides under each form of the rules."""

    registered: list[str]
    steps: dict[str, list[str]]
    folders: dict[str, dict[str, Any]]

    def decisions(self, form: str) -> dict[str, dict[str, list[str]]]:
        """Return what is decided: rule to target to those who may."""
        found: dict[str, dict[str, list[str]]] = self.folders[form]['decisions']
        return found

    def row(self, form: str, rule: str, target: str) -> list[str]:
        may = set(self.decisions(form)[rule][target])
        return [''.join('Y' if name in may else '.' for name in column) for column in COLUMNS]


@pytest.fixture(scope='session')
def layout() -> Layout:
    """The sandbox, with Ironic's environment in it; it is made where a skip would be a failure."""
    found = Layout()
    if os.environ.get('ESI_LEAP_REQUIRE_SANDBOX') == '1':
        environments.build(found, ['ironic'], database='sqlite')
    elif not found.program('ironic', 'python').exists():
        pytest.skip("needs the sandbox's environment for Ironic: python -m sandbox up")
    return found


@pytest.fixture(scope='session')
def ironic(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Ironic:
    folders = {form: tmp_path_factory.mktemp('policy.d') for form in FORMS}
    for form, folder in folders.items():
        for file in FORMS[form]:
            shutil.copy(file, folder)
    asked = {
        'folders': {form: str(folder) for form, folder in folders.items()},
        'personas': _personas(),
        'elevated': ['elevated'],
        'targets': TARGETS,
    }
    script = Path(__file__).with_name('ironic_decides.py')
    done = subprocess.run(
        [layout.program('ironic', 'python'), '-W', 'ignore', script],
        input=json.dumps(asked),
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return Ironic(**json.loads(done.stdout))


def _groups(*sections: str) -> list[Any]:
    """Return groups of the table with their rules, for pytest."""
    return [
        pytest.param(
            group,
            [forms.STEP + step for step in STEPS['restricted']]
            if group['rules'] == 'restricted steps'
            else group['rules'],
            id=group.get('what') or group['rules'][0],
        )
        for section in sections
        for group in TABLE[section]
    ]


def _expected(group: Mapping[str, Any], target: str) -> list[str]:
    """Return a row of the table; a node is free in whatever way Ironic says it."""
    return list(group[target.partition(',')[0]])


def _rules(section: str) -> list[str]:
    return sorted(rule for group in _groups(section) for rule in group.values[1])


def test_the_rules_of_steps_are_fresh(kept: Callable[[Path, str], None]) -> None:
    text = SOURCE.read_text(encoding='utf-8')
    kept(SOURCE, forms.with_steps(text, STEPS['restricted'], 'rule:esi_may_configure'))


def test_the_flat_form_is_fresh(kept: Callable[[Path, str], None]) -> None:
    named, steps = forms.parted(forms.flattened(forms.load(SOURCE)))
    kept(FLAT, forms.written(named))
    kept(FLAT_STEPS, forms.written(steps))
    with_option = forms.flattened(forms.load(SOURCE, OPTION))
    changed = {rule: with_option[rule] for rule in forms.load(OPTION) if rule in with_option}
    kept(FLAT_OPTION, forms.written(changed))


def test_every_rule_is_said_or_accepted(ironic: Ironic) -> None:
    said = [rule for rule in forms.load(SOURCE) if not rule.startswith('esi_')]
    assert _rules('ours') == sorted(said)
    in_table = [*_rules('ours'), *_rules('accepted')]
    assert sorted(rule for rule in in_table if not rule.startswith(forms.STEP)) == sorted(
        ironic.registered
    )


@pytest.mark.parametrize(('group', 'rules'), _groups('ours', 'accepted'))
def test_everybody_may_what_the_table_says(
    ironic: Ironic, group: Mapping[str, Any], rules: list[str]
) -> None:
    for rule in rules:
        # Ironic asks only its rules about ports; the bare words never see what these look like.
        for target in TARGETS if rule.startswith('baremetal:') else ('free', 'lent'):
            assert ironic.row('source', rule, target) == _expected(group, target), (rule, target)


@pytest.mark.parametrize('rule', _rules('accepted'))
def test_what_is_accepted_is_as_ironic_has_it(ironic: Ironic, rule: str) -> None:
    """Ironic may take what a file says of one rule for another that was once a part of it."""
    assert ironic.decisions('source')[rule] == ironic.decisions('default')[rule]


def test_the_option_opens_the_power_of_lent_nodes_and_nothing_else(ironic: Ironic) -> None:
    before, after = ironic.decisions('source'), ironic.decisions('source with option')
    changed = {rule for rule in before if before[rule] != after[rule]}
    [group] = TABLE['option']
    assert changed == set(group['rules'])
    for rule in changed:
        for target in TARGETS:
            assert ironic.row('source with option', rule, target) == _expected(group, target)


@pytest.mark.parametrize('form', FORMS)
def test_every_word_is_explained(ironic: Ironic, form: str) -> None:
    assert ironic.folders[form]['sound']


@pytest.mark.parametrize('more', ['', ' with option'])
def test_the_flat_form_decides_alike(ironic: Ironic, more: str) -> None:
    flat = ironic.decisions(f'flat{more}')
    assert ironic.decisions(f'source{more}') == flat
    assert any(rule.startswith(forms.STEP) for rule in flat)


@pytest.mark.parametrize('flat', [FLAT, FLAT_OPTION], ids=lambda flat: flat.name)
def test_the_flat_form_is_valid(layout: Layout, tmp_path: Path, flat: Path) -> None:
    assert _validated(layout, tmp_path, flat) == (0, '')


def test_the_validator_finds_a_rule_that_there_is_not(layout: Layout, tmp_path: Path) -> None:
    """And words and steps, which is why there is another form."""
    for file in (SOURCE, FLAT_STEPS):
        code, words = _validated(layout, tmp_path, file)
        assert code == 1
        assert 'Unknown rule found in policy file' in words


def _validated(layout: Layout, tmp_path: Path, file: Path) -> tuple[int, str]:
    conf = tmp_path / 'ironic.conf'
    conf.write_text(f'[oslo_policy]\npolicy_file = {file}\npolicy_dirs = {tmp_path / "none"}\n')
    done = subprocess.run(
        [
            layout.program('ironic', 'oslopolicy-validator'),
            '--namespace=ironic',
            f'--config-file={conf}',
        ],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, 'PYTHONWARNINGS': 'ignore'},
    )
    return done.returncode, done.stderr + done.stdout


def test_every_step_is_restricted_or_accepted(ironic: Ironic) -> None:
    accepted = [step for group in STEPS['accepted'] for step in group['steps']]
    listed = [*STEPS['restricted'], *accepted, *STEPS['not for lessees']]
    assert sorted(listed) == sorted(ironic.steps)
    deployed = {name for name, kinds in ironic.steps.items() if 'deploy' in kinds}
    assert deployed == {*STEPS['restricted'], *accepted}
