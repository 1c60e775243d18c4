"""Reading single values of a request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from esi_leap.actions import offers
from esi_leap.api.expose import Call, Reply, check_storable
from esi_leap.core import instant
from esi_leap.core.criteria import Criterion, parse
from esi_leap.core.errors import InvalidError
from esi_leap.core.terms import Terms

#: Parameters that filter by equality, and what the store calls them.
_EQUAL = {
    'uuid': 'uuid',
    'name': 'name',
    'purpose': 'purpose',
    'offer_uuid': 'offer_uuid',
    'lease_uuid': 'lease_uuid',
    'contract_uuid': 'contract_uuid',
    'parent_lease_uuid': 'parent_lease_uuid',
    'resource_type': 'resource_type',
    'resource_class': 'resource_class',
    'resource_uuid': 'node',
}


def moment(values: Mapping[str, Any], name: str) -> datetime | None:
    """Read a time; None if it is not given or null."""
    text = values.get(name)
    return None if text is None else instant.parse(text, name)


def terms(body: Mapping[str, Any]) -> Terms:
    """Read on what terms a node is lent.

    Raises:
        InvalidError: they cannot be together.
    """
    notice, firm = body.get('recall_notice'), body.get('firm', False)
    if firm and notice is not None:
        raise InvalidError(
            'A firm lease is never recalled: give recall_notice or firm, and not both.',
            field='recall_notice',
        )
    return Terms(None if notice is None else timedelta(seconds=int(notice)), firm)


def shared(body: Mapping[str, Any]) -> dict[str, Any]:
    """Read what an offer, a claim and a lease have in common."""
    return {
        'name': body.get('name'),
        'start': moment(body, 'start_time'),
        'end': moment(body, 'end_time'),
        'properties': body.get('properties') or {},
    }


def project(call: Call, name: str) -> str | None:
    """Read a project parameter, a name or an id; None if it is not given."""
    ident = call.query.get(name)
    return None if ident is None else call.deps.project(ident, call.ctx).id


def filters(call: Call, projects: Mapping[str, str]) -> dict[str, object]:
    """Read the parameters that filter by equality.

    Args:
        call: the request.
        projects: parameters that name projects, and what the store calls them.
    """
    given = {column: call.query[name] for name, column in _EQUAL.items() if name in call.query}
    if 'resource_class' in given:
        given['resource_class'] = frozenset(given['resource_class'])
    if 'offer_uuid' in given:
        given['offer_uuid'] = _offer(call, given['offer_uuid'])
    for name, column in projects.items():
        ident = project(call, name)
        if ident is not None:
            given[column] = ident
    if call.query.get('properties'):
        given['properties'] = _properties(call.query['properties'])
    return given


def criteria(call: Call) -> list[Criterion]:
    """Read the conditions on properties of the node."""
    return [parse(each) for each in call.query.get('property', ())]


def _offer(call: Call, ident: str) -> str:
    """Return the uuid of an offer; a name is looked up among what the caller may see."""
    try:
        return str(UUID(ident))
    except ValueError:
        return offers.show(call.deps, call.ctx, ident).offer.uuid


def gone() -> Reply:
    """Answer a deletion."""
    return Reply(None)


def _properties(text: str) -> dict[str, str]:
    try:
        wanted = json.loads(text)
    except (ValueError, RecursionError):
        wanted = None
    check_storable(wanted, 'The query cannot be read.')
    # The databases do not agree on how a path names a key with a quote or a backslash in it.
    plain = isinstance(wanted, dict) and all(
        isinstance(value, str) and not {'"', '\\'}.intersection(key)
        for key, value in wanted.items()
    )
    if not plain:
        raise InvalidError(
            f"Invalid input for field/attribute properties. Value: '{text[:64]}'. "
            'Give a JSON object of texts, all of which the properties must have; no key may have a '
            'quote or a backslash.',
            field='properties',
        )
    return wanted
