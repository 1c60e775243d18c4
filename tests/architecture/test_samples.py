"""The samples in the tree are those that the generators write."""

import configparser
import subprocess
import sys
from pathlib import Path

import pytest

from esi_leap import conf as configuration

TREE = Path(__file__).parents[2]
POLICY = TREE / 'policies/esi_leap/policy.yaml.sample'
OPTIONS = TREE / 'etc/esi-leap/esi-leap.conf.sample'
#: Groups whose options are ours; those of libraries change with the libraries.
OURS = [group for group, _ in configuration.list_opts() if group not in configuration.SERVICES]


def generated(program: str, settings: str, output: Path) -> str:
    command = [
        Path(sys.executable).with_name(program),
        '--config-file',
        TREE / 'etc/esi-leap' / settings,
        '--output-file',
        output,
    ]
    subprocess.run(command, check=True, cwd=TREE)
    return output.read_text(encoding='utf-8')


def sections(text: str) -> dict[str, str]:
    """Split a sample into its groups."""
    parts = ('\n' + text).split('\n[')[1:]
    return {part.split(']', 1)[0]: part for part in parts}


def test_policy_sample_is_up_to_date(tmp_path: Path) -> None:
    made = generated('oslopolicy-sample-generator', 'policy-generator.conf', tmp_path / 'sample')
    assert POLICY.read_text(encoding='utf-8') == made


@pytest.fixture(scope='module')
def options(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    output = tmp_path_factory.mktemp('options') / 'sample'
    return sections(generated('oslo-config-generator', 'config-generator.conf', output))


def test_configuration_sample_has_every_group(options: dict[str, str]) -> None:
    assert list(sections(OPTIONS.read_text(encoding='utf-8'))) == list(options)


@pytest.mark.parametrize('group', OURS)
def test_our_groups_of_the_configuration_sample_are_up_to_date(
    options: dict[str, str], group: str
) -> None:
    assert sections(OPTIONS.read_text(encoding='utf-8'))[group] == options[group]


def test_configuration_sample_can_be_parsed() -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(OPTIONS, encoding='utf-8')
    assert set(OURS) <= set(parser.sections())
