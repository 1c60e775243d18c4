"""Pieces that the schemas share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

TIME = {
    'type': 'string',
    'maxLength': 64,
    'description': 'An ISO 8601 time; UTC if it has no offset.',
}
NULLABLE_TIME = {**TIME, 'type': ['string', 'null']}
IDENT = {
    'type': 'string',
    'minLength': 1,
    'maxLength': 255,
    'description': 'A name or a uuid of 1 to 255 characters.',
}
NULLABLE_IDENT = {**IDENT, 'type': ['string', 'null']}
TEXT = {
    'type': ['string', 'null'],
    'maxLength': 255,
    'description': 'A text of at most 255 characters.',
}
NAME = {
    **TEXT,
    'pattern': '^[^/]*$',
    'description': 'A text of at most 255 characters, without a slash: it stands in paths.',
}
PROPERTIES = {
    'type': ['object', 'null'],
    'maxProperties': 100,
    'description': 'A JSON object of at most 100 keys.',
}
#: Accepted for the sake of existing clients; the service knows better.
IGNORED = {'description': 'Ignored: it is read from the node.'}

STATUSES = {
    'anyOf': [{'type': 'string'}, {'type': 'array', 'items': {'type': 'string'}}],
    'description': 'One or more statuses, or any.',
}
PAGE = {
    'limit': {
        'type': 'string',
        'pattern': '^[1-9][0-9]{0,8}$',
        'description': 'A positive number.',
    },
    'marker': {'type': 'string', 'description': 'The uuid of the last object of the page before.'},
    'sort_key': {'type': 'string', 'description': 'One of the keys that lists are sorted by.'},
    'sort_dir': {'enum': ['asc', 'desc'], 'description': 'It is asc or desc.'},
}


def read_only(names: Iterable[str]) -> dict[str, Any]:
    """Return schemas that refuse fields which only the service writes."""
    return {name: {'not': {}, 'read_only': True} for name in names}


def body(properties: dict[str, Any], required: Iterable[str] = ()) -> dict[str, Any]:
    """Return the schema of a JSON object with these fields and no others."""
    return {
        'type': 'object',
        'properties': properties,
        'required': list(required),
        'additionalProperties': False,
    }
