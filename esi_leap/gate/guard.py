"""The guard around a driver: the manager gets a verdict in bounded time, whatever the driver does.

Otherwise it gets `UnavailableError`, and the node waits. A driver that hangs cannot be stopped: its
thread stays, and the driver is not asked about that node again before it returns. A verdict that
comes too late is dropped.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field

from typing_extensions import override

from esi_leap.core.errors import LeapError, UnavailableError
from esi_leap.core.gate import Verdict
from esi_leap.core.ports.cloud import Gate, Question
from esi_leap.core.storable import flaws

_LOG = logging.getLogger(__name__)

#: Questions that may hang at the same time; with so many open no more are asked.
_MOST = 32


@dataclass(slots=True)
class _Call:
    """A question that the driver is answering."""

    verdict: object = None
    error: Exception | None = None
    done: threading.Event = field(default_factory=threading.Event)


class Guard(Gate):
    """A gate that answers in time; whatever is no verdict in time is an `UnavailableError`.

    Args:
        gate: the driver.
        patience: longest time for an answer, in seconds.
    """

    def __init__(self, gate: Gate, patience: float) -> None:
        self._gate = gate
        self._patience = patience
        self._lock = threading.Lock()
        self._asked: set[int] = set()

    @override
    def ask(self, question: Question) -> Verdict:
        node = question.node.id
        with self._lock:
            if node in self._asked or len(self._asked) >= _MOST:
                raise UnavailableError('The gate has not answered the last question yet.')
            self._asked.add(node)
        call = _Call()
        threading.Thread(target=self._ask, args=(question, call), name='gate', daemon=True).start()
        if not call.done.wait(self._patience):
            raise UnavailableError(f'The gate did not answer within {self._patience:g} s.')
        return _checked(call)

    def _ask(self, question: Question, call: _Call) -> None:
        try:
            call.verdict = self._gate.ask(question)
        except Exception as error:  # noqa: BLE001 - whatever a driver raises, the node waits
            call.error = error
        finally:
            with self._lock:
                self._asked.discard(question.node.id)
            call.done.set()


def _checked(call: _Call) -> Verdict:
    """Return the verdict of a call.

    Raises:
        UnavailableError: the driver failed, or its answer is no verdict that can be stored.
    """
    if isinstance(call.error, LeapError):
        raise UnavailableError(f'The gate does not answer: {call.error.message}') from call.error
    if call.error is not None:
        _LOG.error('the gate failed', exc_info=call.error)
        kind = type(call.error).__name__
        raise UnavailableError(f'The gate failed ({kind}); operators find it in the log.')
    verdict = call.verdict
    if not isinstance(verdict, Verdict):
        raise UnavailableError(f'The gate answered with a {type(verdict).__name__}.')
    for flaw in flaws(dict(verdict.evidence)):
        raise UnavailableError(f'The evidence of the gate cannot be kept. {flaw}')
    return verdict
