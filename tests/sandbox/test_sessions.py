"""The sessions in the README and the guides, typed into the sandbox: they answer as written.

What is typed is what follows a `$ `, and who types it is said by the `sandbox env` before it.
"""

import re
import subprocess
import time
from pathlib import Path

import pytest

from sandbox.layout import PROJECT, environment

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(600)]

#: What differs from one session to the next.
_CHANGING = re.compile(
    r'req-[0-9a-f-]{36}|[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?'
)
_BECOME = re.compile(r'eval "\$\(python3 -m sandbox env (\S+)\)"')
_PATIENCE = 60
PAGES = ('README.rst', 'doc/source/user/session.rst', 'doc/source/operator/index.rst')


def _session(page: Path) -> list[tuple[str, str, list[str]]]:
    """Return each command of a page, who types it, and what it answers."""
    user, found, answering = '', [], False
    for line in page.read_text(encoding='utf-8').splitlines():
        if not line.startswith('    '):
            answering = answering and not line  # a paragraph ends what was answered
        elif become := _BECOME.search(line):
            user = become.group(1)
        elif line.startswith('    $ '):
            found.append((user, line.removeprefix('    $ '), []))
            answering = True
        elif answering:
            found[-1][2].append(line.removeprefix('    '))
    return found


def _plain(lines: list[str]) -> list[str]:
    """Leave out what changes: ids, times, how wide a table is, what --wait saw on its way."""
    plain = (' '.join(_CHANGING.sub('…', line).split()) for line in lines)
    return [line for line in plain if line and not line.startswith(('+-', 'Lease …: '))]


def _type(user: str, command: str) -> list[str]:
    script = f'eval "$(python3 -m sandbox env {user})"\n{command} 2>&1'
    done = subprocess.run(
        ['/bin/bash', '-c', script],
        check=False,
        cwd=PROJECT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert not done.stderr
    return _plain(done.stdout.splitlines())


def test_the_first_session_has_commands_of_three_people() -> None:
    session = _session(PROJECT / 'README.rst')
    assert {user for user, _, _ in session} == {'owner-member', 'lessee-member', 'stranger-member'}
    assert all(command.startswith('openstack ') for _, command, _ in session)


@pytest.mark.usefixtures('nodes')
@pytest.mark.parametrize('page', PAGES)
def test_a_session_answers_as_written(page: str) -> None:
    session = _session(PROJECT / page)
    assert session
    for user, command, answer in session:
        begun = time.monotonic()
        seen = _type(user, command)
        # What is looked at may take some seconds to come; what is done is done once.
        while seen != _plain(answer) and {'list', 'show'} & set(command.split()):
            if time.monotonic() - begun > _PATIENCE:
                break
            seen = _type(user, command)
        assert seen == _plain(answer), f'{user}: {command}'
