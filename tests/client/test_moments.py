"""Laws of reading and placing times."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esi_leap_client import moments

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
BASE = datetime(2031, 1, 1, tzinfo=UTC)

naive = st.datetimes()
offsets = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(
    lambda offset: timezone(timedelta(minutes=offset // timedelta(minutes=1)))
)
# A day of room at both ends, so that conversion to UTC stays inside the calendar.
aware = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=offsets)  # noqa: DTZ001
parts = st.integers(0, 50)


@given(naive)
def test_a_time_without_offset_is_utc(written: datetime) -> None:
    assert moments.parse(written.isoformat()).at(NOW) == written.replace(tzinfo=UTC)


@given(aware)
def test_an_offset_is_honoured(written: datetime) -> None:
    read = moments.parse(written.isoformat()).at(NOW)
    assert read == written
    assert read.utcoffset() == timedelta()


@given(aware)
def test_what_is_written_is_read_back(moment: datetime) -> None:
    text = moments.wire(moment)
    assert moments.parse(text).at(NOW) == moment
    assert '+' not in text
    assert 'Z' not in text


@given(parts, parts, parts, parts, parts)
def test_an_offset_is_the_sum_of_its_parts(
    weeks: int, days: int, hours: int, minutes: int, seconds: int
) -> None:
    text = f'+{weeks}w{days}d{hours}h{minutes}m{seconds}s'
    distance = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    assert moments.parse(text).at(NOW) == NOW + distance
    assert moments.parse(text).at(NOW, BASE) == BASE + distance


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_by_name(text: str) -> None:
    said = ''
    try:
        moments.parse(text)
    except ValueError as error:
        said = str(error)
    assert not said or text in said


@pytest.mark.parametrize(
    ('text', 'distance'),
    [
        ('+2h', timedelta(hours=2)),
        ('+7d', timedelta(days=7)),
        ('+30m', timedelta(minutes=30)),
        ('+90s', timedelta(seconds=90)),
        ('+1w', timedelta(weeks=1)),
        ('+1d12h', timedelta(days=1, hours=12)),
    ],
)
def test_offsets(text: str, distance: timedelta) -> None:
    assert moments.parse(text).at(NOW) == NOW + distance


@pytest.mark.parametrize(
    'text',
    ['', '+', '2h', '-2h', '+2', '+h', '+12h1d', '+1h1h', '+٣h', 'tomorrow', '2030-13-01', '5pm'],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match='is not a time; write ISO 8601'):
        moments.parse(text)


@pytest.mark.parametrize(
    'text',
    ['+99999999999999999999w', '+999999999999d', '9999-12-31T23:59:59-05:00'],
)
def test_what_no_calendar_holds_is_refused_when_read(text: str) -> None:
    with pytest.raises(ValueError, match='is not a time'):
        moments.parse(text)


def test_an_offset_beyond_the_calendar_is_refused_when_placed() -> None:
    with pytest.raises(ValueError, match='beyond 9999'):
        moments.parse('+999999d').at(datetime(9990, 1, 1, tzinfo=UTC))


def test_now_is_now_whatever_it_follows() -> None:
    assert moments.parse('now').at(NOW, BASE) == NOW
    assert moments.parse('now').is_now
    assert not moments.parse('+0s').is_now


def test_a_time_without_zone_is_not_sent() -> None:
    with pytest.raises(ValueError, match='has no time zone'):
        moments.wire(datetime(2030, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ('text', 'length'),
    [
        ('0s', timedelta()),
        ('30m', timedelta(minutes=30)),
        (' 1d12h ', timedelta(days=1, hours=12)),
        ('1w', timedelta(days=7)),
    ],
)
def test_lengths_of_time(text: str, length: timedelta) -> None:
    assert moments.duration(text) == length


@pytest.mark.parametrize(
    'text', ['', '30', '+30m', 'now', '2030-01-01', '30 m', '-1h', '9' * 30 + 'w']
)
def test_what_is_no_length_of_time(text: str) -> None:
    with pytest.raises(ValueError, match='is not a duration; write for example 30m'):
        moments.duration(text)
