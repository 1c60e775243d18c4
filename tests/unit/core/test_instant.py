"""Texts and instants."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from esi_leap.core.errors import InvalidTimeError
from esi_leap.core.instant import EARLIEST, FOREVER, parse, render

offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)
instants = st.datetimes(
    min_value=EARLIEST.replace(tzinfo=None),
    max_value=FOREVER.replace(tzinfo=None),
    timezones=st.just(UTC),
)


@given(instants, st.sampled_from(['', 'Z']))
def test_what_is_printed_reads_as_the_same_instant(moment: datetime, suffix: str) -> None:
    text = render(moment, suffix)
    assert parse(text, 'start_time') == moment
    assert text.endswith(suffix or render(moment)[-1])


@given(instants)
def test_what_is_read_is_in_utc(moment: datetime) -> None:
    assert parse(render(moment), 'start_time').tzinfo is UTC


@given(st.datetimes(datetime(1971, 1, 1), datetime(9998, 1, 1), timezones=offsets))  # noqa: DTZ001 - hypothesis wants naive limits
def test_an_offset_is_converted(moment: datetime) -> None:
    read = parse(moment.isoformat(), 'start_time')
    assert read == moment
    assert read.utcoffset() == timedelta(0)


@given(st.datetimes(datetime(1971, 1, 1), datetime(9998, 1, 1), timezones=offsets))  # noqa: DTZ001 - hypothesis wants naive limits
def test_printing_converts_too(moment: datetime) -> None:
    assert parse(render(moment), 'start_time') == moment


@pytest.mark.parametrize(
    ('text', 'utc'),
    [
        ('2032-01-31', '2032-01-31T00:00:00'),
        ('2032-01-31T09:30', '2032-01-31T09:30:00'),
        ('2032-01-31 09:30:00', '2032-01-31T09:30:00'),
        ('2032-01-31T09:30:00', '2032-01-31T09:30:00'),
        ('2032-01-31T09:30:00Z', '2032-01-31T09:30:00'),
        ('  2032-01-31T09:30:00\n', '2032-01-31T09:30:00'),
        ('2032-01-31T09:30:00.25', '2032-01-31T09:30:00.250000'),
        ('2032-01-31T09:30:00+02:00', '2032-01-31T07:30:00'),
        ('2032-01-31T09:30:00-0545', '2032-01-31T15:15:00'),
        ('2032-01-31T00:15:00+05:45', '2032-01-30T18:30:00'),
    ],
)
def test_texts_and_their_instants(text: str, utc: str) -> None:
    assert render(parse(text, 'start_time')) == utc


def test_forever_has_the_text_that_clients_match() -> None:
    assert render(FOREVER) == '9999-12-31T23:59:59.999999'
    assert parse('9999-12-31T23:59:59.999999', 'end_time') == FOREVER
    assert parse(render(FOREVER, 'Z'), 'end_time') == FOREVER


def test_nothing_is_before_1970() -> None:
    assert parse('1970-01-01', 'start_time') == EARLIEST
    for text in ('1969-12-31T23:59:59.999999', '1970-01-01T01:00:00+01:01', '0001-01-01'):
        with pytest.raises(InvalidTimeError, match='before 1970') as caught:
            parse(text, 'start_time')
        assert caught.value.details == {'field': 'start_time'}


@pytest.mark.parametrize(
    'text',
    [
        '',
        'now',
        'tomorrow',
        '2032-02-30',
        '2032-01-31T25:00:00',
        '2032-01-31T09:30:00+24:00',
        '2032-01-31T09:30:00 Europe/Paris',
        '31.01.2032',
        '1951218600',
        '0001-01-01T00:00:00+00:01',
        '0001-01-01T00:00:00+14:00',
        '9999-12-31T23:59:59.999999-00:01',
        '9999-12-31T23:59:59-12:00',
        '10000-01-01',
        '-001-01-01',
        '\ud800',
    ],
)
def test_what_is_no_time_is_named(text: str) -> None:
    with pytest.raises(InvalidTimeError, match='available_end_time') as caught:
        parse(text, 'available_end_time')
    assert caught.value.details == {'field': 'available_end_time'}
    assert caught.value.message.startswith(
        f"Invalid input for field/attribute available_end_time. Value: '{text}'."
    )


def test_a_long_text_is_not_given_back_whole() -> None:
    with pytest.raises(InvalidTimeError) as caught:
        parse('9' * 100_000, 'end_time')
    assert len(caught.value.message) < 400


def parsed_or_refused(text: str) -> None:
    try:
        moment = parse(text, 'end_time')
    except InvalidTimeError:
        return
    assert moment.tzinfo is UTC
    assert EARLIEST <= moment <= FOREVER
    assert parse(render(moment), 'end_time') == moment


@given(st.text())
@example('²032-01-31')
@example('٢٠٣٢-01-31')
def test_any_text_is_an_instant_or_an_error(text: str) -> None:
    parsed_or_refused(text)


@given(
    st.from_regex(
        r'\A\d{4}-?\d\d-?\d\d([T ]\d\d(:?\d\d(:?\d\d([.,]\d{1,9})?)?)?([+-]\d\d(:?\d\d)?|Z)?)?\Z'
    )
)
def test_any_text_that_looks_like_a_time_is_an_instant_or_an_error(text: str) -> None:
    parsed_or_refused(text)


@given(
    st.one_of(
        st.datetimes(max_value=datetime(1, 1, 3), timezones=offsets),  # noqa: DTZ001 - hypothesis wants naive limits
        st.datetimes(min_value=datetime(9999, 12, 30), timezones=offsets),  # noqa: DTZ001 - hypothesis wants naive limits
    )
)
def test_the_edges_of_the_calendar_are_instants_or_errors(moment: datetime) -> None:
    parsed_or_refused(moment.isoformat())
