"""The table of changes: each makes the service wrong in one way."""

from typing import NamedTuple


class Change(NamedTuple):
    """A changed line of the package, and what goes wrong with it.

    Attributes:
        file: path below `esi_leap`.
        line: the line without its indentation; the file has it exactly once.
        changed: the changed line, likewise.
        wrong: what goes wrong.
    """

    file: str
    line: str
    changed: str
    wrong: str


_BACK, _GIVE, _DRIFT = (f'core/handover/{each}.py' for each in ('back', 'give', 'drift'))
_LEFT = 'core/handover/leftovers.py'
_DUE, _SETTLE, _DUTIES = (f'core/duty/{each}.py' for each in ('due', 'settle', 'duties'))
_PLAN, _RECALL, _QUOTA = (f'core/booking/{each}.py' for each in ('plan', 'recall', 'quota'))
_AFTER, _NODE, _CALLS, _WORK = (
    'core/consequences.py',
    'core/node.py',
    'manager/calls.py',
    'manager/work.py',
)

CHANGES = tuple(
    Change(*each)
    for each in (
        (
            _BACK,
            'cleaned = node.state in {State.CLEANING, State.GATING} or not machine.cleans',
            'cleaned = True',
            'A return counts as done though the node was not cleaned.',
        ),
        (
            _BACK,
            'if cleaned and through and machine.lessee is None and machine.lease_label is None:',
            'if cleaned and through and machine.lessee is None:',
            'A return counts as done though a label is left.',
        ),
        (
            _BACK,
            "cleaned = node.state is not State.RETURNING and machine.provision_state == 'available'",  # noqa: E501 - the line as it is
            'cleaned = node.state is not State.RETURNING',
            'Media are not looked for in `clean failed`.',
        ),
        (
            _BACK,
            'through = barrier in {Barrier.NONE, Barrier.PASSED}',
            'through = True',
            'A return counts as done before the gate has let the node pass.',
        ),
        (
            _BACK,
            'if lenders and never and machine.lessee == lessee_before(lenders):',
            'if lenders and machine.lessee == lessee_before(lenders):',
            'A sub-lease that had the node ends without a return.',
        ),
        (
            _BACK,
            'cleared = machine.lessee is None and machine.provision_state not in IDLE',
            'cleared = machine.lessee is None',
            'A node whose lessee was cleared while idle is not cleaned.',
        ),
        (
            _BACK,
            "if machine.fields.get('protected'):",
            "if machine.fields.get('extra'):",
            'A protected node cannot be undeployed.',
        ),
        (
            _BACK,
            'ours = node.is_retried and machine.maintenance_reason == node.maintenance_reason',
            'ours = node.is_retried',
            'A maintenance of an operator ends with the reset.',
        ),
        (
            _BACK,
            'if machine.maintenance and state not in UNDEPLOYABLE:',
            'if machine.maintenance and state in UNDEPLOYABLE:',
            'A deployed node in maintenance is not undeployed.',
        ),
        (
            _BACK,
            'if not machine.cleans and require_clean:',
            'if not machine.cleans and not require_clean:',
            'A node that is not cleaned goes to the next lessee.',
        ),
        (
            _BACK,
            'if node.state is State.RETURNING and machine.cleans:',
            'if node.state is State.CLEANING and machine.cleans:',
            'A node that was never deployed is not cleaned.',
        ),
        (
            _BACK,
            "if before.get('traits', traits) != traits:",
            "if before.get('traits', traits) == traits:",
            'Traits of the lessee stay.',
        ),
        (
            _BACK,
            'if machine.instance_info:',
            'if machine.instance is not None and machine.instance_info:',
            'The image of the lessee stays in `instance_info`.',
        ),
        (
            _BACK,
            'if not heirs:',
            'if heirs:',
            'The lessee field is left at the end of a return.',
        ),
        (
            _GIVE,
            '(machine.owner not in {owner, None}, Cause.OWNER_CHANGED, None),',
            '(False, Cause.OWNER_CHANGED, None),',
            'A node of another owner is handed over.',
        ),
        (
            _GIVE,
            '(machine.retired, Cause.NODE_RETIRED, None),',
            '(False, Cause.NODE_RETIRED, None),',
            'A retired node is handed over.',
        ),
        (
            _GIVE,
            'if machine.lessee == lease.lessee_id and machine.lease_label == lease.uuid:',
            'if machine.lessee == lease.lessee_id:',
            'A node that the lessee has by another lease counts as handed over.',
        ),
        (
            _GIVE,
            'if barrier in {Barrier.ASKED, Barrier.PASSED} and machine.lessee != holding:',
            'if barrier is Barrier.ASKED and machine.lessee != holding:',
            'A trial counts though another project had the node meanwhile.',
        ),
        (
            _GIVE,
            'return AskGate() if barrier is Barrier.SHUT else None',
            'return None',
            'A node passes by the gate.',
        ),
        (
            _GIVE,
            'if machine.console:',
            'if not machine.console:',
            'The console of the owner stays open.',
        ),
        (
            _DRIFT,
            'foreign = None if found or machine is None else find_intruders(machine, lease)',
            'foreign = None',
            'Ports of others on a leased node are not reported.',
        ),
        (
            _DRIFT,
            'if not repair or not noted or machine is None:',
            'if not repair or machine is None:',
            'A drift is put right before it is noted.',
        ),
        (
            _DRIFT,
            'return NoteDrift(found)  # people have to decide that',
            'pass',
            'A node of another owner is given back to the lessee.',
        ),
        (
            _LEFT,
            'if kept.get(volume) != changed:',
            'if kept.get(volume) == changed:',
            'Volumes of the owner are removed, those of the lessee stay.',
        ),
        (
            _DUE,
            'if each.status is Status.ACTIVE and not each.ends(now)',
            'if each.status is Status.ACTIVE',
            'A lease that ends now gets the node back.',
        ),
        (
            _DUE,
            'if not (lease.ends(now) and _due(lease, now)):',
            'if not lease.ends(now):',
            'The end of a lease is tried again without a pause.',
        ),
        (
            _DUE,
            'yield Take(lease) if node.is_with(lease) else End(lease)',
            'yield End(lease)',
            'A lease ends, and its lessee keeps the node.',
        ),
        (
            _DUE,
            'return sorted(leases, key=lambda each: -len(tree.lenders(each)))',
            'return sorted(leases, key=lambda each: len(tree.lenders(each)))',
            'A lender ends before the lease inside.',
        ),
        (
            _DUE,
            'if not lease.starts(now) or not _due(lease, now):',
            'if not lease.starts(now):',
            'A start is tried again without a pause.',
        ),
        (
            _DUE,
            'if still and node.lease == lease.parent_lease:',
            'if still:',
            'A lease is prepared while another one has the node.',
        ),
        (
            _SETTLE,
            'case steps.BeginHandOver(fields) if lease is not None and lease.starts(at.now):',
            'case steps.BeginHandOver(fields) if lease is not None:',
            'A lease that was cancelled meanwhile is prepared.',
        ),
        (
            _SETTLE,
            'if lease is None or not is_new:',
            'if lease is None:',
            'A drift is told again at every look.',
        ),
        (
            _SETTLE,
            'if lender is not None and lender.ending:',
            'if lender is not None and not lender.ending:',
            'A lender whose end waits is not tried at once.',
        ),
        (
            _SETTLE,
            'return (Turn(at.node.waiting(at.node.reason or reason, at.check_at)),)',
            'return (Turn(at.node.waiting(reason, at.check_at)),)',
            'The reason why a node was lost is overwritten.',
        ),
        (
            _SETTLE,
            'return (*_told([task.lease], None, at), *_woken(at, but=task.lease), Turn(given))',
            'return (*_woken(at, but=task.lease), Turn(given))',
            'A lender who has the node back is told that it is elsewhere.',
        ),
        (
            _SETTLE,
            'return (given,)  # it was cancelled, or is over: the node is taken back next',
            'return ()',
            'A node that was given to a cancelled lease is not taken back.',
        ),
        (
            _SETTLE,
            'if [each.uuid for each in heirs] != [each.uuid for each in present]:',
            'if False:',
            'A node goes to an heir whose lease has ended meanwhile.',
        ),
        (
            _SETTLE,
            'if count_attempts(lease, retry.reason) < at.rules.max_attempts:',
            'if count_attempts(lease, retry.reason) <= at.rules.max_attempts:',
            'A lease is tried once more than the operator allows.',
        ),
        (
            _SETTLE,
            'return () if task.lease.ending else change.put(task.lease.expiring(at.now))',
            'return ()',
            'A lease can be made longer while its node is taken.',
        ),
        (
            _SETTLE,
            'if at.node.state is not State.REJECTED:',
            'if at.node.state is State.REJECTED:',
            'A node that was reset meanwhile is held as rejected.',
        ),
        (
            _DUTIES,
            'if machine is not None and former is not None and machine.lease_label == former.uuid:',
            'if machine is not None and former is not None:',
            'A lost node is taken from another project.',
        ),
        (
            _PLAN,
            'if window.end <= lease.window.end:',
            'if window.end < lease.window.start:',
            'A lease cannot be shortened beside a booking of the existing service.',
        ),
        (
            _PLAN,
            'if lease.recall is not None and changed.window.end > lease.window.end:',
            'if lease.recall is not None and changed.window.end < lease.window.end:',
            'A recalled lease can be made longer.',
        ),
        (
            _PLAN,
            'if waits or node.is_inherited or node.is_with(lease):',
            'if waits or node.is_with(lease):',
            'A lease of the existing service ends before its node is recognised.',
        ),
        (
            _PLAN,
            'if isinstance(moved, Lease) and claimed and not moved.terms.binding:',
            'if isinstance(moved, Lease) and claimed:',
            'Withdrawing an offer cancels leases whose terms forbid it.',
        ),
        (
            _PLAN,
            'if not booking.terms.within(lenders[0].terms):',
            'if booking.terms.within(lenders[0].terms):',
            'A lessee promises more than the own terms give.',
        ),
        (
            _RECALL,
            'if each.window.start < earliest and not (each.terms.firm or each.ending):',
            'if each.window.start < earliest and not each.terms.firm:',
            'Leases that are ending already delay a recall.',
        ),
        (
            _RECALL,
            'instant = due(leases, max(recall.deadline, now), now)',
            'instant = due(leases, recall.deadline, now)',
            'A recall is due in the past.',
        ),
        (
            _RECALL,
            'if window.end == told.deadline:  # else somebody has made it shorter, and wanted it so',  # noqa: E501 - the line as it is
            'if window.end != told.deadline:',
            'A cancelled recall does not give the old end back.',
        ),
        (
            _QUOTA,
            'if self.leases is not None and held >= self.leases:',
            'if self.leases is not None and held > self.leases:',
            'A project has one lease more than its quota.',
        ),
        (
            _AFTER,
            'if node.state not in USABLE or not _may_end_recalls(change):',
            'if not _may_end_recalls(change):',
            'A recall ends before the owner can use the node.',
        ),
        (
            _AFTER,
            'tree = scene.tree().after(bookings_of(change))',
            'tree = scene.tree()',
            'A recall is looked at with the bookings from before the change.',
        ),
        (
            _NODE,
            'unknown = len(lenders) - len(self.remembered)  # of one that was taken over handed over',  # noqa: E501 - the line as it is
            'unknown = 0',
            'Fields remembered of a sub-lease are restored as those of the owner.',
        ),
        (
            _CALLS,
            'if self._deps.monotonic() >= self._until:',
            'if False:',
            'A call is begun that the claim does not outlast.',
        ),
        (
            _WORK,
            'work = Work(deps, node_id, claim, until - deps.settings.call_time)',
            'work = Work(deps, node_id, claim, until)',
            'A call is begun until the very end of the claim.',
        ),
    )
)
