"""Claims of several nodes for one window from offers of several clouds: all nodes or none."""

import uuid
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from itertools import islice
from typing import Any, Self, TypeVar

from esi_leap_client import errors, moments, retry
from esi_leap_client.clouds import Answer, Site
from esi_leap_client.v1.lease import Lease
from esi_leap_client.v1.offer import Offer

_T = TypeVar('_T')

#: Key in the properties of a lease, under which it has the mark of its run of claims.
MARK = 'claimed_together'
#: Maximum number of requests at the same time.
_AT_ONCE = 8
#: Answers to a claim of an offer that another project has claimed first.
_LOST = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT})


@dataclass(frozen=True, eq=False)
class Pick:
    """An offer that may be claimed."""

    site: Site
    offer: Offer


@dataclass(frozen=True, eq=False)
class Held:
    """A lease that was claimed."""

    pick: Pick
    lease: Lease

    @property
    def site(self) -> Site:
        """The site of its cloud."""
        return self.pick.site

    def __str__(self) -> str:
        return f'lease {self.lease.uuid} of {self.lease.resource} in {self.site}'


def ranked(answers: Iterable[Answer[list[Offer]]], start: str, end: str) -> list[Pick]:
    """Return offers in the order in which to claim them.

    The order is deterministic, so that the caller can choose by naming clouds. The first cloud is
    used up before the second, which keeps the nodes together. Within a cloud the offer whose free
    time fits most tightly comes first, which leaves long free times whole. An offer that another
    project claims first costs one request.

    Args:
        answers: The offers of each site, the sites in the order that is preferred.
        start: Start of the window, as on the wire.
        end: End of the window, exclusive, as on the wire.

    Returns:
        Each offer once, even if two entries of `clouds.yaml` lead to it.
    """
    picks: dict[str, Pick] = {}
    for answer in answers:
        offers = answer.value or ()
        for offer in sorted(offers, key=lambda each: (_slack(each, start, end), each.uuid)):
            picks.setdefault(offer.uuid, Pick(answer.site, offer))
    return list(picks.values())


def _slack(offer: Offer, start: str, end: str) -> timedelta:
    """Return the free time around the window; the maximum if the offer does not say."""
    first, last = _instant(start), _instant(end)
    free = ((_instant(begin), _instant(until)) for begin, until in offer.availabilities or ())
    fitting = (until - begin for begin, until in free if begin <= first and last <= until)
    return min(fitting, default=timedelta.max)


def _instant(text: str) -> datetime:
    instant = moments.parse(text).instant
    if instant is None:
        raise ValueError(f"'{text}' is not an instant")
    return instant


class Claims:
    """A context in which several leases are claimed together.

    If it is left by an exception, also that of Ctrl-C, it cancels every lease it has claimed.
    In any case it cancels leases of claims that were not answered, for example because the
    connection broke after the claim had arrived: each lease carries a mark by which it is found.

    Args:
        attrs: Attributes of each claim: `start_time` and `end_time`, as on the wire.
        tell: Called, from any thread, with a sentence for each lease that is cancelled or cannot
            be cancelled.
    """

    def __init__(self, attrs: dict[str, Any], tell: Callable[[str], None]) -> None:
        self._mark = str(uuid.uuid4())
        self._attrs = {**attrs, 'properties': {MARK: self._mark}}
        self._tell = tell
        #: The claimed leases.
        self.held: list[Held] = []
        #: Refusals for another reason than that the offer was claimed first: a sentence each.
        self.refusals: dict[Site, str] = {}
        self._silent: set[Site] = set()
        self._unheard: list[Pick] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failure: object, *_: object) -> None:
        unwanted = list(self.held) if failure else []
        undo = [partial(self._look, pick) for pick in self._unheard]
        undo += [partial(self._give_back, held) for held in unwanted]
        try:
            _each(lambda deed: deed(), undo)
        finally:
            # Some are left only if Ctrl-C came again.
            for held in unwanted:
                if held in self.held:
                    self._tell(_kept(held, 'it was not tried'))

    def take(self, count: int, picks: Iterable[Pick]) -> bool:
        """Claim offers, several at a time, until there are enough leases.

        Args:
            count: The number of leases.
            picks: The offers to try, in this order.

        Returns:
            Whether there are enough leases; False after all offers were tried.
        """
        rest = (pick for pick in picks if pick.site not in self._silent)
        while missing := count - len(self.held):
            batch = list(islice(rest, missing))
            if not batch:
                return False
            _each(self._claim, batch)
        return True

    def _claim(self, pick: Pick) -> None:
        self._unheard.append(pick)
        try:
            lease = pick.site.lease.claim_offer(pick.offer, **self._attrs)
        except errors.KNOWN as error:
            if errors.status(error) not in _LOST:
                self.refusals[pick.site] = pick.site.sentence(error)
            if retry.is_passing(error):
                self._silent.add(pick.site)
                return
        else:
            self.held.append(Held(pick, lease))
        self._unheard.remove(pick)

    def _look(self, pick: Pick) -> None:
        """Cancel the lease of a claim that was not answered, if there is one."""
        try:
            found = retry.retry(lambda: list(pick.site.lease.leases(offer_uuid=pick.offer.uuid)))
        except errors.KNOWN as error:
            self._tell(
                f'It is not known whether offer {pick.offer.uuid} in {pick.site} was claimed: '
                f'{pick.site.sentence(error)}'
            )
            return
        for lease in found:
            if (lease.properties or {}).get(MARK) == self._mark:
                self._give_back(Held(pick, lease))

    def _give_back(self, held: Held) -> None:
        try:
            retry.retry(lambda: held.site.lease.delete_lease(held.lease, ignore_missing=True))
        except errors.KNOWN as error:
            self._tell(_kept(held, held.site.sentence(error)))
        else:
            self._tell(f'Given back: {held}.')
        if held in self.held:
            self.held.remove(held)


def _kept(held: Held, why: str) -> str:
    return (
        f'Not given back: {held} ({why}). Do it with: openstack {held.site.options} '
        f'esi lease delete {held.lease.uuid}'
    )


def _each(deed: Callable[[_T], object], items: Sequence[_T]) -> None:
    """Call `deed` with every item, several at a time, even if some calls fail.

    On Ctrl-C, calls that have begun come to their end and the others do not begin.
    """
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        begun = [pool.submit(deed, item) for item in items]
        wait(begun)
    finally:
        pool.shutdown(cancel_futures=True)
    for each in begun:
        each.result()
