"""The driver `fake`: reads its verdicts from a file, for tests and drills.

The file is JSON and is read at every question. Its keys are tried in this order: a node's name or
uuid with a direction (`node-1 return`), a node alone, a direction alone (`hand-over`), and `*`.
Each has a verdict: `{"answer": "reject", "reason": "a drill", "evidence": {}, "phase": null}`. If
the file is missing, or has no verdict for the node, the node waits.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from oslo_config import cfg
from typing_extensions import override

from esi_leap.core.errors import UnavailableError
from esi_leap.core.gate import Answer, Verdict
from esi_leap.core.ports.cloud import Gate, Question


class FakeGate(Gate):
    """The verdicts of a file.

    Args:
        conf: the configuration; its `[gate] fake_file` is the path of the file.

    Raises:
        ValueError: `[gate] fake_file` is not set.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        if not conf.gate.fake_file:
            raise ValueError('[gate] fake_file is not set.')
        self._file = Path(conf.gate.fake_file)

    @override
    def ask(self, question: Question) -> Verdict:
        try:
            verdicts: dict[str, dict[str, Any]] = json.loads(self._file.read_text(encoding='utf-8'))
        except OSError as error:
            raise UnavailableError(f'The file of the fake gate cannot be read: {error}.') from error
        node, trial = question.node, question.node.trial
        direction = '' if trial is None else str(trial.direction)
        names = (node.name, node.uuid)
        keys = [*(f'{name} {direction}' for name in names), *names, direction, '*']
        said = next((verdicts[key] for key in keys if key in verdicts), None)
        if said is None:
            raise UnavailableError(f'The file of the fake gate says nothing of {node.name}.')
        return Verdict(
            answer=Answer(said['answer']),
            reason=said.get('reason'),
            evidence=said.get('evidence', {'fake': True}),
            phase=said.get('phase'),
        )
