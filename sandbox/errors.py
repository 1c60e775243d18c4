"""What goes wrong while a cloud is brought up, as one sentence for the person at the terminal."""

from pathlib import Path


class SandboxError(Exception):
    """Something the person at the terminal has to know; its text is one clear sentence."""


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log, indented, with the log's name above them."""
    if not log.exists():
        return f'There is no log at {log}.'
    last = log.read_text(errors='replace').splitlines()[-lines:]
    body = '\n'.join(f'    {line}' for line in last) or '    (empty)'
    return f'The last lines of {log}:\n{body}'
