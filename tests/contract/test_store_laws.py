"""The clauses of the store are twins of the algebra of intervals: on any rows, the same answer."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esi_leap.core.instant import EARLIEST, FOREVER
from esi_leap.core.interval import Interval
from esi_leap.db import rows
from esi_leap.db.engine import Database
from esi_leap.db.store import Store
from esi_leap.db.tables import bookings

from .given import NOW, a_node, an_offer, at

#: Few moments, so that windows often touch, coincide and nest; and those at the edges.
MOMENTS = [
    EARLIEST,
    *(at(hour) for hour in range(6)),
    *(at(hour) + timedelta(microseconds=1) for hour in range(3)),
    FOREVER - timedelta(microseconds=1),
    FOREVER,
]


def moments() -> st.SearchStrategy[datetime]:
    return st.sampled_from(MOMENTS)


def windows() -> st.SearchStrategy[Interval]:
    pairs = st.tuples(moments(), moments()).filter(lambda pair: pair[0] != pair[1])
    return pairs.map(lambda pair: Interval(min(pair), max(pair)))


law = settings(
    max_examples=40,
    deadline=None,
    # The rows of an example are rolled back, so the database is the same for the next.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@law
@given(
    taken=st.lists(windows(), min_size=1, max_size=20),
    asked=st.lists(windows(), min_size=1, max_size=6),
)
def test_overlapping_and_spanning_are_what_intervals_say(
    database: Database, taken: list[Interval], asked: list[Interval]
) -> None:
    node = a_node(Store(database))
    with database.engine.connect() as connection:
        for number, window in enumerate(taken):
            gone = an_offer(node, f'{number}', window=window)
            values = {**rows.booking_values(gone), 'status': 'deleted', 'next_action_at': None}
            connection.execute(bookings.insert().values(created_at=NOW, **values))
        for window in asked:
            for clause, law_of in (
                (rows.overlapping(window), window.overlaps),
                (rows.spanning(window), lambda each, window=window: each.contains(window)),
            ):
                query = sa.select(bookings).where(clause).order_by(bookings.c.id)
                found = [rows.booking(row) for row in connection.execute(query)]
                expected = [number for number, each in enumerate(taken) if law_of(each)]
                assert [int(each.uuid) for each in found] == expected
                assert [each.window for each in found] == [taken[number] for number in expected]
        connection.rollback()


@law
@given(moment=st.datetimes(EARLIEST.replace(tzinfo=None), FOREVER.replace(tzinfo=None)))
def test_every_instant_is_kept_to_the_microsecond(database: Database, moment: datetime) -> None:
    moment = moment.replace(tzinfo=EARLIEST.tzinfo)
    node = a_node(Store(database))
    with database.engine.connect() as connection:
        gone = an_offer(node, window=Interval(EARLIEST - timedelta(days=1), FOREVER))
        values = {**rows.booking_values(gone), 'retry_at': moment}
        connection.execute(bookings.insert().values(created_at=moment, **values))
        query = sa.select(bookings.c.retry_at).where(bookings.c.created_at == moment)
        assert list(connection.execute(query).scalars()) == [moment]
        connection.rollback()
