"""Laws of the terms on which a node is lent."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esi_leap.core.terms import Terms

NONE = Terms()
NOW = Terms(timedelta())
HOUR = Terms(timedelta(hours=1))
FIRM = Terms(firm=True)

any_terms = st.builds(
    Terms,
    st.none() | st.integers(0, 5).map(lambda hours: timedelta(hours=hours)),
    st.booleans(),
)


@pytest.mark.parametrize(
    ('terms', 'binding'), [(NONE, False), (NOW, True), (HOUR, True), (FIRM, True)]
)
def test_a_notice_binds_also_if_it_has_no_length(terms: Terms, binding: bool) -> None:  # noqa: FBT001 - a table
    assert terms.binding is binding


def test_what_can_be_promised_of_what_one_has() -> None:
    order = [NONE, NOW, HOUR, FIRM]
    for place, mine in enumerate(order):
        assert [each.within(mine) for each in order] == [
            other <= place for other in range(len(order))
        ]


@given(any_terms, any_terms, any_terms)
def test_what_is_promised_on_is_never_more(a: Terms, b: Terms, c: Terms) -> None:
    assert a.within(a)
    if a.within(b) and b.within(c):
        assert a.within(c)
