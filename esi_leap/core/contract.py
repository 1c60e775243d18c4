"""A contract: the agreement between a provider and a consumer; the header over its leases."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from esi_leap.core import lease
from esi_leap.core.interval import Interval
from esi_leap.core.terms import Terms


class Status(StrEnum):
    """The states of a contract. They are not stored: they follow from its leases."""

    CREATED = 'created'
    ACTIVE = 'active'
    WAIT_CANCEL = 'wait cancel'
    ERROR = 'error'
    EXPIRED = 'expired'
    DELETED = 'deleted'


#: The first status whose set meets those of the leases is the contract's. `db.contracts` says the
#: same in SQL, from this table.
RANKING: tuple[tuple[Status, frozenset[lease.Status]], ...] = (
    (Status.ERROR, frozenset({lease.Status.ERROR})),
    (Status.WAIT_CANCEL, frozenset({lease.Status.WAIT_CANCEL})),
    (Status.ACTIVE, frozenset({lease.Status.ACTIVE, lease.Status.WAIT_EXPIRE})),
    (Status.CREATED, lease.PENDING),
    (Status.EXPIRED, frozenset({lease.Status.EXPIRED})),
    (Status.DELETED, frozenset({lease.Status.DELETED})),
)

FINAL = frozenset({Status.EXPIRED, Status.DELETED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A contract between the provider `owner_id` and the consumer `lessee_id`."""

    uuid: str
    name: str | None
    owner_id: str
    lessee_id: str
    window: Interval
    offer: str | None = None
    terms: Terms = Terms()  # noqa: RUF009 - it never changes


def of(line: lease.Lease) -> Contract:
    """Return the contract of a lease that is its only one."""
    return Contract(
        uuid=line.contract,
        name=line.name,
        owner_id=line.owner_id,
        lessee_id=line.lessee_id,
        window=line.window,
        offer=line.offer,
        terms=line.terms,
    )


def status_of(statuses: Collection[lease.Status]) -> Status:
    """Return the status of a contract with leases of these statuses (at least one)."""
    return next(status for status, among in RANKING if among.intersection(statuses))
