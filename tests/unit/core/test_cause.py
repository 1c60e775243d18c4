"""Causes and the sentences made from them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esi_leap.core import cause as causes
from esi_leap.core.cause import Cause, Reason

#: Something that Ironic, a BMC, an operator or another project could have said.
SAID = 'Secret 10.0.0.7 said so.'
#: Causes whose detail is one of ours, so that a lessee may read it: the uuid of a lease.
OURS = frozenset({Cause.NODE_SUBLET, Cause.SUBLEASE_OPEN})
#: Causes whose full sentence says nothing beside the cause.
BARE = frozenset(
    {
        Cause.OWNER_CHANGED,
        Cause.NODE_GONE,
        Cause.LESSEE_CLEARED,
        Cause.LESSEE_CHANGED,
        Cause.LESSEE_FOREIGN,
        Cause.HOLDING_LOST,
        Cause.NODE_RETIRED,
        Cause.NODE_AUTOMATIC,
        Cause.CLEANING_OFF,
        Cause.CLEANING_REFUSED,
        Cause.NO_PROGRESS,
        Cause.NODE_TAKEN,
        Cause.NOT_RECOGNISED,
    }
)
#: Causes of which the detail is a whole sentence of others, or ends the sentence.
WHOLE = frozenset(
    {
        Cause.PORTS_UNKNOWN,
        Cause.SERVICE_UNAVAILABLE,
        Cause.SERVICE_REFUSED,
        Cause.NODE_OCCUPIED,
        Cause.TAKEN_OVER,
        Cause.NODE_NOT_BACK,
        Cause.GATE_WAITS,
        Cause.GATE_REJECTED,
    }
)


@pytest.mark.parametrize('cause', Cause)
def test_every_cause_has_sentences(cause: Cause) -> None:
    reason = Reason(cause, SAID)
    for sentence in (str(reason), reason.plain):
        assert sentence
        assert sentence[0].isupper()
        assert sentence.endswith('.')
        assert '{}' not in sentence


def test_no_cause_has_two_texts_and_no_text_is_left_over() -> None:
    assert set(causes._TEXTS) == set(Cause)  # noqa: SLF001 - the table itself is looked at
    assert len({str(each) for each in Cause}) == len(Cause)


@pytest.mark.parametrize('cause', Cause)
def test_the_full_sentence_says_the_detail(cause: Cause) -> None:
    assert (SAID in str(Reason(cause, SAID))) is (cause not in BARE)


@pytest.mark.parametrize('cause', Cause)
def test_the_plain_sentence_says_only_what_is_ours(cause: Cause) -> None:
    plain = Reason(cause, SAID).plain
    assert plain is not None
    assert (SAID in plain) is (cause in OURS)
    assert Reason(cause, '').plain == plain or cause in OURS


@pytest.mark.parametrize('cause', Cause)
def test_sentences_call_no_party_he(cause: Cause) -> None:
    reason = Reason(cause, 'X')
    for sentence in (str(reason), str(reason.plain)):
        assert not re.search(r'\b(he|him|his|she|her)\b', sentence, re.IGNORECASE)


@pytest.mark.parametrize('cause', sorted(set(Cause) - WHOLE))
def test_a_detail_is_no_sentence_of_its_own(cause: Cause) -> None:
    """The full stop is that of the sentence."""
    assert str(Reason(cause, 'it is locked')).endswith('.')


@pytest.mark.parametrize('cause', Cause)
def test_a_cause_fits_its_column(cause: Cause) -> None:
    assert len(cause) <= 36
    assert re.fullmatch('[a-z]+(_[a-z]+)+', cause)


@given(st.sampled_from(Cause), st.text())
def test_a_detail_may_be_any_text(cause: Cause, detail: str) -> None:
    """Braces too: they come from a BMC, and are no fields of the sentence."""
    sentence = str(Reason(cause, detail))
    assert detail in sentence or cause in BARE


@given(st.text(min_size=1))
def test_a_sentence_of_an_earlier_release_is_shown_and_has_no_plain_one(sentence: str) -> None:
    reason = Reason(None, sentence)
    assert (str(reason), reason.plain) == (sentence, None)
