"""Every error that reaches a user, each with a code that never changes.

The base classes say what went wrong in kind; `esi_leap.api.errors` turns the kind into an HTTP
status in one table. A message names the field, the value and what would work. Where clients of
the existing lease service know a sentence, the message begins with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Self


class LeapError(Exception):
    """Base of all errors of the service.

    Attributes:
        code: stable identifier, for programs.
        title: a few words, for people.
        details: machine-readable facts beside the message.
    """

    code = 'internal'
    title = 'Internal error'

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class InvalidError(LeapError):
    """The request can never work as it is (400)."""

    code = 'request.invalid'
    title = 'Invalid request'


class DeniedError(LeapError):
    """The caller may see the thing but not do the deed (403)."""

    code = 'policy.denied'
    title = 'Not allowed'

    @classmethod
    def by(cls, rule: str) -> DeniedError:
        """Build the error for a policy rule that said no."""
        return cls(f'Access was denied to {rule}.', rule=rule)


class UnauthenticatedError(LeapError):
    """There is no valid token (401)."""

    code = 'token.missing'
    title = 'Unauthorized'


class NotFoundError(LeapError):
    """The thing does not exist, or the caller may not know that it does (404)."""

    code = 'not_found'
    title = 'Not found'
    noun = 'Object'

    @classmethod
    def of(cls, ident: str) -> Self:
        """Build the error for a name or uuid."""
        return cls(f'{cls.noun} with name or uuid {ident} not found.')


class ConflictError(LeapError):
    """The request is sound, but the world is in another state (409)."""

    code = 'conflict'
    title = 'Conflict'


class UnavailableError(LeapError):
    """A service we need does not answer; the same request may work later (503)."""

    code = 'service.unavailable'
    title = 'Service unavailable'


class TooManyRequestsError(LeapError):
    """The project calls more often than it may (429)."""

    code = 'rate.exceeded'
    title = 'Too many requests'

    @classmethod
    def of(cls, limit: str, retry_after: int) -> TooManyRequestsError:
        """Build the error for a limit; `retry_after` is in seconds."""
        return cls(
            f'Too many requests: {limit} are possible for one project. '
            f'Try again in {retry_after} s.',
            limit=limit,
            retry_after=retry_after,
        )


class OutdatedError(UnavailableError):
    """The database has the schema of an older release, or none, or that of the existing service."""

    code = 'database.outdated'
    title = 'Database not upgraded'

    @classmethod
    def of(cls) -> OutdatedError:
        """Build the error; the message names the command to run."""
        return cls('The database has not been upgraded; run esi-leap-dbsync upgrade.')


class InvalidTimeError(InvalidError):
    """A time that is no time."""

    code = 'time.invalid'
    title = 'Invalid time'


class InvalidWindowError(InvalidError):
    """A window that has passed, or ends before it starts."""

    code = 'window.invalid'
    title = 'Invalid window'


class UnknownProjectError(InvalidError):
    """A project that Keystone does not know in the caller's domain."""

    code = 'project.unknown'
    title = 'Unknown project'

    @classmethod
    def of(cls, ident: str, where: str) -> UnknownProjectError:
        """Build the error for `ident`, looked up in `where` (a domain's name or id)."""
        return cls(
            f'No project named {ident}. It was looked up in the domain {where}; '
            'write "domain/name" for a project of another domain.',
            project=ident,
        )


class UnknownResourceTypeError(InvalidError):
    """A resource type that this deployment does not offer."""

    code = 'resource_type.unknown'
    title = 'Unknown resource type'

    @classmethod
    def of(cls, name: str, known: Iterable[str]) -> UnknownResourceTypeError:
        """Build the error for `name`, naming the types that exist here."""
        return cls(
            f'{name} resource type unknown. Known here: {", ".join(sorted(known))}.',
            resource_type=name,
        )


class TooLongError(DeniedError):
    """A lease longer than the operator allows to everyone."""

    code = 'lease.too_long'
    title = 'Lease too long'

    @classmethod
    def of(cls, days: int) -> TooLongError:
        """Build the error for a limit of `days`."""
        return cls(
            'Attempted to create lease with an invalid time range. '
            f'The max time range is {days} days.',
            max_lease_time=days,
        )


class NotHeldError(DeniedError):
    """A lessee sub-lets a node beyond the window of the lease."""

    code = 'window.not_held'
    title = 'Window not held'

    @classmethod
    def of(
        cls,
        resource_type: str,
        resource_uuid: str,
        wanted: tuple[datetime, datetime],
        held: Iterable[tuple[datetime, datetime]],
    ) -> NotHeldError:
        """Build the error, naming the windows that the caller's leases have."""
        windows = [[_text(start), _text(end)] for start, end in held]
        text = ', '.join(f'{start} to {end}' for start, end in windows) or 'no time'
        return cls(
            f'You do not have permissions on {resource_type} {resource_uuid} for the time range '
            f'{_text(wanted[0])} - {_text(wanted[1])}. It is leased to you for {text} (UTC).',
            held=windows,
        )


class SubletError(DeniedError):
    """A sub-lessee sub-lets the node once more."""

    code = 'lease.sublet'
    title = 'Sub-let already'

    @classmethod
    def of(cls, lease: str) -> SubletError:
        """Build the error for the caller's lease."""
        return cls(
            f'Access was denied to lease {lease}: the node is sub-let to you with it, and cannot '
            'be sub-let once more.',
            lease=lease,
        )


class TermsError(DeniedError):
    """A lessee sub-lets on better terms than those of the lease."""

    code = 'terms.not_held'
    title = 'Terms not held'

    @classmethod
    def of(cls, lease: str) -> TermsError:
        """Build the error for the caller's lease."""
        return cls(
            f'What is sub-let from lease {lease} cannot have a longer notice than the lease has, '
            'and cannot be firm unless the lease is.',
            lease=lease,
        )


class QuotaError(DeniedError):
    """More than the operator lets one project claim."""

    code = 'quota.exceeded'
    title = 'Quota exceeded'


class OfferNotFoundError(NotFoundError):
    """No such offer for this caller."""

    code = 'offer.not_found'
    title = 'Offer not found'
    noun = 'Offer'


class LeaseNotFoundError(NotFoundError):
    """No such lease for this caller."""

    code = 'lease.not_found'
    title = 'Lease not found'
    noun = 'Lease'


class ContractNotFoundError(NotFoundError):
    """No such contract for this caller."""

    code = 'contract.not_found'
    title = 'Contract not found'
    noun = 'Contract'


class RecallNotFoundError(NotFoundError):
    """No such recall for this caller."""

    code = 'recall.not_found'
    title = 'Recall not found'
    noun = 'Recall'


class NodeNotFoundError(NotFoundError):
    """No such node, or none that this caller may see."""

    code = 'node.not_found'
    title = 'Node not found'

    @classmethod
    def of(cls, ident: str) -> Self:
        """Build the error for a name or uuid."""
        return cls(f'Node {ident} could not be found.')


class AmbiguousNameError(ConflictError):
    """A name that fits several things; a uuid is needed."""

    code = 'name.ambiguous'
    title = 'Ambiguous name'

    @classmethod
    def of(cls, kind: str, name: str, uuids: Sequence[str]) -> AmbiguousNameError:
        """Build the error for several objects of one `kind`."""
        return cls(
            f'Duplicate {kind}s with name {name}. Use a uuid: {", ".join(uuids)}.',
            uuids=list(uuids),
        )


class WindowConflictError(ConflictError):
    """The window is taken by another booking of the node."""

    code = 'window.conflict'
    title = 'Time conflict'

    @classmethod
    def of(
        cls, resource_type: str, resource_uuid: str, start: datetime, end: datetime
    ) -> WindowConflictError:
        """Build the error; the message names the window in the way, not its project."""
        return cls(
            f'Time conflict for {resource_type} {resource_uuid}. '
            f'It is booked from {_text(start)} to {_text(end)} (UTC).',
            conflict=[_text(start), _text(end)],
        )


class OfferWindowError(ConflictError):
    """The offer has no such free window."""

    code = 'offer.unavailable'
    title = 'Offer not available'

    @classmethod
    def of(
        cls, uuid: str, wanted: tuple[datetime, datetime], free: Iterable[tuple[datetime, datetime]]
    ) -> OfferWindowError:
        """Build the error, naming the free windows of the offer."""
        gaps = [[_text(start), _text(end)] for start, end in free]
        free_text = ', '.join(f'{start} to {end}' for start, end in gaps) or 'none'
        return cls(
            f'Offer {uuid} has no availabilities at given time range '
            f'{_text(wanted[0])}, {_text(wanted[1])}. Free (UTC): {free_text}.',
            availabilities=gaps,
        )


class OutsideError(ConflictError):
    """A child window sticks out of its parent, or a parent would shrink under its child."""

    code = 'window.outside'
    title = 'Outside the parent window'


class FinalStateError(ConflictError):
    """The object has ended and does not change any more."""

    code = 'state.final'
    title = 'Already ended'


class TermsBindError(ConflictError):
    """The terms of a lease keep its provider from ending it."""

    code = 'recall.required'
    title = 'Recall required'

    @classmethod
    def of(cls, lease: str, node: str, end: datetime, *, firm: bool) -> TermsBindError:
        """Build the error for a lease of a node that ends at `end`."""
        way = (
            'it is firm. Its lessee can end it.'
            if firm
            else f'it has a notice. Recall it: openstack esi recall create --node {node}'
        )
        return cls(
            f'Lease {lease} lasts until {_text(end)} (UTC), and cannot be ended at once: {way}',
            lease=lease,
            firm=firm,
        )


class RecalledError(ConflictError):
    """A recalled lease cannot be made longer."""

    code = 'lease.recalled'
    title = 'Recalled'

    @classmethod
    def of(cls, lease: str, deadline: datetime) -> RecalledError:
        """Build the error for a lease that ends at `deadline`."""
        return cls(
            f'The node of lease {lease} is recalled: the lease ends at {_text(deadline)} (UTC).',
            deadline=_text(deadline),
        )


class NothingToRecallError(ConflictError):
    """A project that recalls all nodes, or some of a class, has none of these."""

    code = 'recall.empty'
    title = 'Nothing to recall'


class NodeBusyError(ConflictError):
    """Ironic does not take the change now: the node is locked or in transition."""

    code = 'node.busy'
    title = 'Node is busy'


class RejectedError(ConflictError):
    """The gate has rejected the node; it cannot be claimed until an operator resets it."""

    code = 'gate.rejected'
    title = 'Node rejected'

    @classmethod
    def of(cls, node: str) -> RejectedError:
        """Build the error for a node's name."""
        return cls(
            f'Node {node} was rejected by the gate: it was not proved clean. Nobody can get it '
            'until an operator has looked at it and reset it.'
        )


class SuspendedError(ConflictError):
    """The node of an offer has changed hands."""

    code = 'offer.suspended'
    title = 'Offer suspended'

    @classmethod
    def of(cls, uuid: str) -> SuspendedError:
        """Build the error for an offer."""
        return cls(f'Offer {uuid} is suspended: its node belongs to another owner now.')


class NotRejectedError(ConflictError):
    """Only a node that the gate has rejected can be reset."""

    code = 'gate.not_rejected'
    title = 'Node not rejected'

    @classmethod
    def of(cls, node: str, state: str) -> NotRejectedError:
        """Build the error for a node's name and its state."""
        return cls(f'Node {node} is {state}; only a rejected node can be reset.', state=state)


class NoConsoleError(ConflictError):
    """The serial console of a node cannot be reached: it is off, or of another kind."""

    code = 'console.unavailable'
    title = 'No console'


class StaleClaimError(LeapError):
    """A manager's claim on a node ran out or was taken over; its result must not be written."""

    code = 'manager.stale_claim'
    title = 'Claim lost'


def _text(instant: datetime) -> str:
    return instant.replace(tzinfo=None).isoformat()
