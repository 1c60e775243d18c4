"""Commands as people type them: printed, run, their output printed, and expectations checked."""

import shlex
import subprocess
from dataclasses import dataclass

from sandbox import shell, users
from sandbox.errors import SandboxError
from sandbox.layout import Layout, environment
from sandbox.state import State


@dataclass(frozen=True)
class Typed:
    """What a command came to."""

    code: int
    output: str


class Terminal:
    """A terminal at which any user of the cloud sits down."""

    def __init__(self, layout: Layout, state: State) -> None:
        self._layout = layout
        self._state = state
        self.held = 0
        self.failed: list[str] = []

    def say(self, text: str) -> None:
        """Print a line of the story."""
        print(f'\n# {text}')

    def type(self, user: str, line: str) -> Typed:
        """Run ``openstack LINE`` as a user and print both command and output."""
        print(f'\n{user}$ openstack {line}')
        variables = shell.variables(self._layout, self._state, users.find(user))
        program = self._layout.program('client', 'openstack')
        try:
            done = subprocess.run(
                [str(program), *shlex.split(line)],
                check=False,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
                env=environment(**variables),
                timeout=300,
            )
        except subprocess.TimeoutExpired:
            raise SandboxError(f'"openstack {line}" did not end within 300 s.') from None
        print(done.stdout.rstrip() or '(no output)')
        return Typed(done.returncode, done.stdout)

    def expect(self, sentence: str, *, that: bool) -> bool:
        """Check one expectation and print how it turned out."""
        print(f'  {"ok    " if that else "FAILED"}  {sentence}')
        if that:
            self.held += 1
        else:
            self.failed.append(sentence)
        return that
