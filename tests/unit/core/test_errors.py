"""The errors that reach a user."""

from collections.abc import Iterator

import pytest

from esi_leap.core import errors
from esi_leap.core.errors import LeapError

from .given import at


def kinds(root: type[LeapError] = LeapError) -> Iterator[type[LeapError]]:
    for each in root.__subclasses__():
        yield each
        yield from kinds(each)


ALL = [LeapError, *(each for each in kinds() if each.__module__ == errors.__name__)]


def test_every_code_and_title_is_its_own() -> None:
    assert len({each.code for each in ALL}) == len(ALL)
    assert len({each.title for each in ALL}) == len(ALL)


@pytest.mark.parametrize('kind', ALL)
def test_an_error_keeps_its_sentence_and_its_facts(kind: type[LeapError]) -> None:
    error = kind('No.', field='end_time')
    assert (str(error), error.message, error.details) == ('No.', 'No.', {'field': 'end_time'})


@pytest.mark.parametrize(
    ('error', 'begins', 'kind'),
    [
        (
            errors.DeniedError.by('esi_leap:offer:create'),
            'Access was denied to esi_leap:offer:create.',
            errors.DeniedError,
        ),
        (
            errors.UnknownProjectError.of('mars', 'default'),
            'No project named mars.',
            errors.InvalidError,
        ),
        (
            errors.UnknownResourceTypeError.of('boat', ['ironic_node', 'dummy_node']),
            'boat resource type unknown. Known here: dummy_node, ironic_node.',
            errors.InvalidError,
        ),
        (
            errors.RejectedError.of('node-1'),
            'Node node-1 was rejected by the gate: it was not proved clean.',
            errors.ConflictError,
        ),
        (
            errors.NotRejectedError.of('node-1', 'available'),
            'Node node-1 is available; only a rejected node can be reset.',
            errors.ConflictError,
        ),
        (
            errors.SuspendedError.of('o'),
            'Offer o is suspended: its node belongs to another owner now.',
            errors.ConflictError,
        ),
        (
            errors.TooLongError.of(7),
            'Attempted to create lease with an invalid time range. The max time range is 7 days.',
            errors.DeniedError,
        ),
        (
            errors.OfferNotFoundError.of('o'),
            'Offer with name or uuid o not found.',
            errors.NotFoundError,
        ),
        (
            errors.LeaseNotFoundError.of('l'),
            'Lease with name or uuid l not found.',
            errors.NotFoundError,
        ),
        (
            errors.ContractNotFoundError.of('c'),
            'Contract with name or uuid c not found.',
            errors.NotFoundError,
        ),
        (errors.NodeNotFoundError.of('n'), 'Node n could not be found.', errors.NotFoundError),
        (
            errors.RecallNotFoundError.of('r'),
            'Recall with name or uuid r not found.',
            errors.NotFoundError,
        ),
        (
            errors.TermsBindError.of('l', 'metal-1', at(1), firm=False),
            'Lease l lasts until 2032-01-31T01:00:00 (UTC), and cannot be ended at once: it has',
            errors.ConflictError,
        ),
        (
            errors.TermsBindError.of('l', 'metal-1', at(1), firm=True),
            'Lease l lasts until 2032-01-31T01:00:00 (UTC), and cannot be ended at once: it is',
            errors.ConflictError,
        ),
        (
            errors.RecalledError.of('l', at(1)),
            'The node of lease l is recalled: the lease ends at 2032-01-31T01:00:00 (UTC).',
            errors.ConflictError,
        ),
        (
            errors.TermsError.of('l'),
            'What is sub-let from lease l cannot have a longer notice',
            errors.DeniedError,
        ),
        (
            errors.AmbiguousNameError.of('offer', 'spare', ['u1', 'u2']),
            'Duplicate offers with name spare.',
            errors.ConflictError,
        ),
        (
            errors.WindowConflictError.of('ironic_node', 'n1', at(1), at(2)),
            'Time conflict for ironic_node n1. It is booked from 2032-01-31T01:00:00',
            errors.ConflictError,
        ),
        (
            errors.OfferWindowError.of('o', (at(1), at(2)), []),
            'Offer o has no availabilities at given time range',
            errors.ConflictError,
        ),
    ],
)
def test_the_sentences_clients_know(error: LeapError, begins: str, kind: type[LeapError]) -> None:
    assert error.message.startswith(begins)
    assert isinstance(error, kind)


def test_an_offer_that_is_not_free_names_what_is() -> None:
    free = [(at(1), at(2)), (at(4), at(5))]
    error = errors.OfferWindowError.of('o', (at(2), at(3)), free)
    assert error.details['availabilities'] == [
        ['2032-01-31T01:00:00', '2032-01-31T02:00:00'],
        ['2032-01-31T04:00:00', '2032-01-31T05:00:00'],
    ]
    assert '2032-01-31T04:00:00 to 2032-01-31T05:00:00' in error.message
    assert 'Free (UTC): none.' in errors.OfferWindowError.of('o', free[0], []).message
