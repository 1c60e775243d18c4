"""The clauses of the store are twins of rules of the core: on any rows, the same answer."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esi_leap.core.criteria import Criterion, Fact, Sign, facts, parse
from esi_leap.core.instant import EARLIEST, FOREVER
from esi_leap.core.interval import Interval
from esi_leap.db import criteria, rows, sightings
from esi_leap.db.engine import Database
from esi_leap.db.store import Store
from esi_leap.db.tables import bookings, nodes

from .given import NOW, TEXTS, a_machine, a_node, an_offer, at

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
            values = {**rows.booking_values(gone), 'status': 'deleted', 'due_at': None}
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


#: Values that look alike: as texts, as numbers, in case, in blanks around them, and at the edges.
VALUES = st.sampled_from(
    [
        *(40, 40.0, '40', ' 40 ', '4e1', '040', '40.0', '+40', '40a', 41, '39.9', -40, 4 * 10**30),
        *(0, -0.0, '-0', 0.1, '0.1', '1e-320', 1e308, '1e999', 2**53 + 1, '9007199254740993'),
        *('x86_64', 'X86_64', 'x86_64 ', 'x86', 'x%', 'x86\t', '', True, 'true', False, None),
        *('ä', 'a', 'á', '🚀', '🚁', TEXTS, 'x' * 255, 'x' * 256, '\0', [40], {'a': 40}, []),
    ]
) | st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.sampled_from(['p', 'P', 'p ', 'ä', 'x' * 255, 'x' * 256, TEXTS, '', '\0'])


def conditions() -> st.SearchStrategy[Criterion]:
    # The API takes no text that a database does not.
    names = NAMES.filter(lambda name: '\0' not in name).map(str.strip)
    facts_of = VALUES.filter(lambda value: value is not None).map(Fact.of)
    plain = st.builds(
        Criterion,
        names,
        st.sampled_from([Sign.EQUAL, Sign.UNEQUAL]),
        st.tuples(facts_of),
    )
    ordered = st.builds(
        lambda name, sign, bound: parse(f'{name} {sign} {bound!r}'),
        st.sampled_from(['p', 'P', 'ä']),
        st.sampled_from(['<', '<=', '>', '>=']),
        st.sampled_from([40, 40.0, -40, 0.1, 0, 2**53, 1e308, 1e-320]) | st.floats(-1e9, 1e9),
    )
    among = st.builds(
        Criterion,
        st.just('p'),
        st.just(Sign.IN),
        st.lists(facts_of, min_size=1, max_size=3).map(tuple),
    )
    there = st.builds(Criterion, names, st.just(Sign.EXISTS))
    return plain | ordered | among | there


@law
@given(
    described=st.lists(st.dictionaries(NAMES, VALUES, max_size=3), min_size=1, max_size=8),
    asked=st.lists(conditions(), min_size=1, max_size=8),
)
def test_criteria_are_what_the_core_says(
    database: Database, described: list[dict[str, object]], asked: list[Criterion]
) -> None:
    seen = [
        a_machine(f'{number}', properties=properties) for number, properties in enumerate(described)
    ]
    with database.engine.connect() as connection:
        sightings.write_rows(connection, 'ironic_node', seen, {}, asked=NOW, now=NOW)
        for criterion in asked:
            found = connection.execute(
                sa.select(nodes.c.resource_uuid).where(criteria.holds(criterion))
            )
            expected = {each.uuid for each in seen if criterion.holds(facts(each.properties))}
            assert set(found.scalars()) == expected
        connection.rollback()
