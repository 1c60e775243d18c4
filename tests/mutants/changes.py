"""The table of changes: each makes the service wrong in one way."""

from typing import NamedTuple


class Change(NamedTuple):
    """A changed line of the package, and what goes wrong with it."""

    file: str
    line: str
    changed: str
    wrong: str


_BACK, _DUE = 'core/handover/back.py', 'core/duty/due.py'
_PLAN, _CALLS = 'core/booking/plan.py', 'manager/calls.py'

CHANGES = (
    Change(
        _BACK,
        'cleaned = node.state in {State.CLEANING, State.GATING} or not machine.cleans',
        'cleaned = True',
        'A return counts as done though the node was not cleaned.',
    ),
    Change(
        _BACK,
        'if cleaned and through and machine.lessee is None and machine.lease_label is None:',
        'if cleaned and through and machine.lessee is None:',
        'A return counts as done though a label is left.',
    ),
    Change(
        _BACK,
        "cleaned = node.state is not State.RETURNING and machine.provision_state == 'available'",
        'cleaned = node.state is not State.RETURNING',
        'Media are not looked for in `clean failed`.',
    ),
    Change(
        _DUE,
        'if each.status is Status.ACTIVE and not each.ends(now)',
        'if each.status is Status.ACTIVE',
        'A lease that ends now gets the node back.',
    ),
    Change(
        _DUE,
        'if not (lease.ends(now) and _due(lease, now)):',
        'if not lease.ends(now):',
        'The end of a lease is tried again without a pause.',
    ),
    Change(
        _DUE,
        'yield Take(lease) if node.is_with(lease) else End(lease)',
        'yield End(lease)',
        'A lease ends, and its lessee keeps the node.',
    ),
    Change(
        _PLAN,
        'if window.end <= lease.window.end:',
        'if window.end < lease.window.start:',
        'A lease cannot be shortened beside a booking of the existing service.',
    ),
    Change(
        _PLAN,
        'if lease.recall is not None and changed.window.end > lease.window.end:',
        'if lease.recall is not None and changed.window.end < lease.window.end:',
        'A recalled lease can be made longer.',
    ),
    Change(
        _CALLS,
        'if self._deps.monotonic() >= self._until:',
        'if self._deps.monotonic() > self._until:',
        'A call is begun until the very end of the claim.',
    ),
)
