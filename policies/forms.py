"""Other forms of a policy file, for tools that know less than oslo.policy itself.

    python -m policies.forms FILE...

prints the rules of files, in the order in which Ironic reads them, flat: the words that they define
are replaced by what they mean, and the rules of single steps, which no list of rules names, are
left out. That is what ``oslopolicy-validator`` can check.
"""

import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

#: What begins the name of a rule for a single step.
STEP = 'baremetal:step:execute:'
# A rule of the service that reads the file; whatever else a file defines is a word of its own.
_RULE = 'baremetal:'
_WORD = re.compile(r'\brule:([\w:]+)')
_GENERATED = '# Generated from the files one folder up; policies/README.rst tells what for.\n'


def load(*files: Path) -> dict[str, str]:
    """Read policy files as oslo.policy does: of two rules of one name the later counts."""
    rules: dict[str, str] = {}
    for file in files:
        rules |= yaml.safe_load(file.read_text(encoding='utf-8'))
    return rules


def flattened(rules: Mapping[str, str]) -> dict[str, str]:
    """Replace the words that the rules define by what they mean, and leave the words out.

    Words of the service itself, such as Ironic's ``service_role``, stay.
    """
    return {name: _inlined(check, rules) for name, check in rules.items() if name.startswith(_RULE)}


def parted(rules: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Part rules into those that a list names and those of single steps."""
    named = {name: check for name, check in rules.items() if not name.startswith(STEP)}
    return named, {name: check for name, check in rules.items() if name not in named}


def _inlined(check: str, rules: Mapping[str, str]) -> str:
    def meaning(match: re.Match[str]) -> str:
        word = match[1]
        return f'({_inlined(rules[word], rules)})' if word in rules else match[0]

    return _WORD.sub(meaning, check)


def written(rules: Mapping[str, str]) -> str:
    """Write rules as a policy file."""
    return _GENERATED + yaml.safe_dump(dict(rules), width=sys.maxsize, sort_keys=False)


def with_steps(text: str, restricted: Iterable[str], check: str) -> str:
    """Give a policy file exactly these rules for single steps, at its end.

    Args:
        text: the file; its rules for steps are the last in it.
        restricted: the steps that need a right, as ``interface.step``.
        check: what that right is.
    """
    kept, _, _ = text.partition(f'"{STEP}')
    return kept + ''.join(f'"{STEP}{step}": "{check}"\n' for step in sorted(restricted))


if __name__ == '__main__':
    sys.stdout.write(written(parted(flattened(load(*map(Path, sys.argv[1:]))))[0]))
