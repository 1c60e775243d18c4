"""Several nodes for one window, from the offers of several clouds: all of them or none."""

import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from itertools import islice
from typing import Any, Self, TypeVar

from esi_leap_client import errors, moments
from esi_leap_client.clouds import Answer, Site
from esi_leap_client.v1.lease import Lease
from esi_leap_client.v1.offer import Offer

_T = TypeVar('_T')

#: Under this key of its properties, a lease says which run of claims it came from.
MARK = 'claimed_together'
_AT_ONCE = 8
_TRIES = 3
#: What a claim is answered when somebody else was faster: nothing to tell.
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
        """Where it is."""
        return self.pick.site

    def __str__(self) -> str:
        return f'lease {self.lease.uuid} of {self.lease.resource} in {self.site}'


def ranked(answers: Iterable[Answer[list[Offer]]], start: str, end: str) -> list[Pick]:
    """Put offers into the order in which to claim them.

    The order is by what is known and never by chance, so that one who asks can tell what he will
    get and choose it by naming clouds: the first cloud is emptied before the second, which keeps
    the nodes together; and in a cloud, the free time that fits most tightly goes first, which
    leaves long free times whole for those who need them. Who comes second to an offer loses one
    request by it and goes on to the next.

    Args:
        answers: The offers of each site, the sites in the order that is preferred.
        start: First instant of the window, as on the wire.
        end: The instant after the last one, likewise.

    Returns:
        Each offer once, though two entries of `clouds.yaml` may lead to it.
    """
    picks: dict[str, Pick] = {}
    for answer in answers:
        offers = answer.value or ()
        for offer in sorted(offers, key=lambda each: (_slack(each, start, end), each.uuid)):
            picks.setdefault(offer.uuid, Pick(answer.site, offer))
    return list(picks.values())


def _slack(offer: Offer, start: str, end: str) -> timedelta:
    """Measure the free time around the window; endless where the offer does not tell."""
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
    """Leases that are wanted together.

    A context: left by an exception, also by that of Ctrl-C, it gives back every lease it holds;
    left normally it keeps them. Either way it gives back a lease of which it did not hear, for
    example because the connection broke after the claim had arrived: each lease carries a mark
    by which it is found again.

    Args:
        attrs: What each claim says: `start_time` and `end_time`, as on the wire.
        tell: Called with a sentence for each lease that is given back or cannot be, from any
            thread.
    """

    def __init__(self, attrs: dict[str, Any], tell: Callable[[str], None]) -> None:
        self._mark = str(uuid.uuid4())
        self._attrs = {**attrs, 'properties': {MARK: self._mark}}
        self._tell = tell
        #: The leases so far.
        self.held: list[Held] = []
        #: What sites said, other than that somebody else was faster: a sentence each.
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
            # Nothing is left here but for another Ctrl-C.
            for held in unwanted:
                if held in self.held:
                    self._tell(_kept(held, 'it was not tried'))

    def take(self, count: int, picks: Iterable[Pick]) -> bool:
        """Claim one offer after the other, several at once, until there are enough leases.

        Args:
            count: How many are wanted.
            picks: What to try, in this order.

        Returns:
            Whether there are enough. If not, there was nothing left to try.
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
            if _may_pass(error):
                self._silent.add(pick.site)
                return
        else:
            self.held.append(Held(pick, lease))
        self._unheard.remove(pick)

    def _look(self, pick: Pick) -> None:
        """Give back the lease of a claim that was not answered, if there is one."""
        try:
            found = _persist(lambda: list(pick.site.lease.leases(offer_uuid=pick.offer.uuid)))
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
            _persist(lambda: held.site.lease.delete_lease(held.lease, ignore_missing=True))
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
    """Do something with all items, several at once, whatever happens to some of them.

    When it is interrupted, what has begun comes to its end first and the rest does not begin.
    """
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        begun = [pool.submit(deed, item) for item in items]
        wait(begun)
    finally:
        pool.shutdown(cancel_futures=True)
    for each in begun:
        each.result()


def _persist(deed: Callable[[], _T]) -> _T:
    """Do something again, a second later, if it failed in a way that may pass."""
    for _ in range(_TRIES - 1):
        try:
            return deed()
        except errors.KNOWN as error:
            if not _may_pass(error):
                raise
        time.sleep(1)
    return deed()


def _may_pass(error: Exception) -> bool:
    """Whether the trouble is with the service or the way to it, so that it may have obeyed."""
    status = errors.status(error)
    return status is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR
