"""The pages agree with the code: diagrams, calls, commands, programs, options, files."""

import configparser
import re
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from extensions import machines, rights, routes

from esi_leap import conf as configuration
from esi_leap import policy
from esi_leap.api.expose import ROUTES
from esi_leap.core import lease, node

PROJECT = Path(__file__).parents[2]
SOURCE = PROJECT / 'doc' / 'source'
PAGES = sorted(SOURCE.rglob('*.rst'))
TEXTS = [*PAGES, *(PROJECT / name for name in ('README.rst', 'HACKING.rst', 'CONTRIBUTING.rst'))]
MACHINES = {'esi_leap.core.lease': lease, 'esi_leap.core.node': node}
SVG = '{http://www.w3.org/2000/svg}'
SCRIPTS = sorted((PROJECT / 'bin').iterdir())
#: Groups whose options are ours, and are therefore known here.
OURS = ('api', 'manager', 'dummy_node', 'metrics', 'notification')
#: Options of the existing service that a page compares with, and of Ironic.
OTHERS = {'enable_ssl_api', 'auth_enable', 'automatic_lessee_source', 'public_endpoint'}


def _entry_points() -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser()
    parser.read(PROJECT / 'setup.cfg', encoding='utf-8')
    return {
        group: dict(line.split(' = ') for line in lines.strip().splitlines())
        for group, lines in parser['entry_points'].items()
    }


def _directives(name: str) -> set[str]:
    found = re.compile(rf'^\.\. {re.escape(name)}:: (\S+)$', re.MULTILINE)
    return {what for page in PAGES for what in found.findall(page.read_text(encoding='utf-8'))}


@pytest.mark.parametrize('module', MACHINES)
def test_diagram_has_every_transition_and_no_other(module: str) -> None:
    transitions = MACHINES[module].TRANSITIONS
    picture = ET.fromstring(machines.draw(machines.load(module)))  # noqa: S314 - our own drawing
    dots = [dot.findtext(f'{SVG}title') for dot in picture.iter(f'{SVG}circle')]
    wanted = {f'{source} to {target}' for source in transitions for target in transitions[source]}
    assert set(dots) == wanted
    assert len(dots) == len(wanted)
    assert [box.text for box in picture.iter(f'{SVG}text')] == [str(state) for state in transitions]


def test_every_state_machine_has_a_diagram() -> None:
    assert _directives('machine') == set(MACHINES)


def test_rights_of_every_node_state_have_a_table() -> None:
    assert _directives('rights') == {state for call in rights.load() for state in call} & {
        'free',
        'lent',
        'deployed',
    }


def test_cell_has_the_weakest_role_before_and_after_our_rules() -> None:
    call = {
        'call': 'do it',
        'lent': {
            'before': ['-YY', '..', '-YYY', '---Y', '.'],
            'after': ['YYY', 'Y.', '----', 'Y-YY', '.'],
        },
    }
    cells = [line[7:] for line in rights.table([call], 'lent') if '- ' in line][-7:]
    assert cells == [
        'do it',
        'member → **reader**',
        'no → **yes**',
        'no',
        'member → **no**',
        'admin → **reader, manager, admin**',
        'no',
    ]
    assert 'do it' not in '\n'.join(rights.table([call], 'free'))


def test_every_call_is_described() -> None:
    described = [each for prefix in _directives('routes') for each in routes.under(prefix)]
    assert sorted(each.name for each in described) == sorted(each.name for each in ROUTES)


def test_description_of_a_call_has_parameters_fields_and_rule() -> None:
    (claim,) = (each for each in ROUTES if each.path.endswith('/claim'))
    text = '\n'.join(routes.describe(claim))
    for word in ('POST /v1/offers/{ident}/claim', '201', 'esi_leap:offer:claim', 'purpose'):
        assert word in text


def test_every_error_is_listed_with_its_status() -> None:
    text = '\n'.join(routes.errors())
    for status, code in (('409', 'window.conflict'), ('404', 'lease.not_found'), ('403', 'lease.')):
        assert re.search(rf'\* - {status}\n +- ``{re.escape(code)}', text)


def test_every_rule_names_calls_that_exist() -> None:
    known = {(each.method, each.path) for each in ROUTES}
    for rule in policy.RULES:
        assert {(each['method'], each['path']) for each in rule.operations} <= known, rule.name


def test_every_command_is_in_the_reference() -> None:
    page = (SOURCE / 'user' / 'cli.rst').read_text(encoding='utf-8')
    patterns = re.findall(
        r'^\.\. autoprogram-cliff:: openstack\.lease\.v1\n +:command: (.+)$', page, re.MULTILINE
    )
    commands = [name.replace('_', ' ') for name in _entry_points()['openstack.lease.v1']]
    assert commands
    for command in commands:
        assert any(fnmatch(command, pattern) for pattern in patterns), command


@pytest.mark.parametrize('program', _entry_points()['console_scripts'])
def test_every_program_exists_and_is_described(program: str) -> None:
    module, _, function = _entry_points()['console_scripts'][program].partition(':')
    assert callable(getattr(import_module(module), function))
    assert f'``{program}``' in (SOURCE / 'install' / 'index.rst').read_text(encoding='utf-8')


def test_every_program_on_a_page_exists() -> None:
    named = re.compile(r'(?<![\w/-])esi-leap(?:-[a-z]+)+\b')
    known = {*_entry_points()['console_scripts'], *(each.name for each in SCRIPTS)}
    for page in (*TEXTS, PROJECT / 'policies' / 'README.rst'):
        assert set(named.findall(page.read_text(encoding='utf-8'))) <= known, page.name


def test_readme_has_the_two_commands() -> None:
    text = (PROJECT / 'README.rst').read_text(encoding='utf-8')
    begin = '    python3 -m venv .venv && .venv/bin/pip install tox && .venv/bin/tox -e '
    assert f'{begin}sandbox -- demo\n{begin}tests\n' in text


@pytest.mark.parametrize('page', TEXTS, ids=lambda page: page.name)
def test_every_option_on_a_page_exists(page: Path) -> None:
    known = {
        (group, option.dest) for group, options in configuration.list_opts() for option in options
    }
    named = re.findall(r'\[(\w+)\]\s+(\w+)\b', page.read_text(encoding='utf-8'))
    wanted = {(group, name) for group, name in named if group in OURS and name not in OTHERS}
    assert wanted <= known


@pytest.mark.parametrize('page', TEXTS, ids=lambda page: page.name)
def test_every_file_on_a_page_exists(page: Path) -> None:
    text = page.read_text(encoding='utf-8')
    for name in re.findall(r'``([\w./-]+\.(?:py|rst|yaml|cfg|toml))``', text):
        if name.startswith('/') or name in {'policy.yaml', 'clouds.yaml'}:
            continue
        places = (PROJECT, PROJECT / 'esi_leap')
        assert any((place / name).exists() for place in places), name
