"""Pieces that the schemas share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Schema = Mapping[str, Any]

#: Named schemas; the OpenAPI document has them under the same names, and adds those that differ
#: between versions of the API.
COMPONENTS: dict[str, Schema] = {}


def ref(name: str) -> Schema:
    """Return a reference to a named schema."""
    return {'$ref': f'#/components/schemas/{name}'}


def named(name: str, schema: Schema) -> Schema:
    """Give a schema a unique name and return a reference to it."""
    if name in COMPONENTS:
        raise ValueError(f'There are two schemas of the name {name}.')
    COMPONENTS[name] = schema
    return ref(name)


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
SECONDS = {
    'type': 'integer',
    'minimum': 0,
    'maximum': 2**31 - 1,
    'description': 'A whole number of seconds, at least 0.',
}
#: Lease terms in a request.
TERMS: dict[str, Schema] = {
    'recall_notice': {
        **SECONDS,
        'type': ['integer', 'null'],
        'description': 'Seconds that a recall has to be told before the end of a lease, at least '
        '0; null is that the provider may cancel it at once.',
    },
    'firm': {'type': 'boolean', 'description': 'True if it cannot be recalled, or false.'},
}
#: Accepted because existing clients send it.
IGNORED = {'description': 'Ignored: it is read from the node.', 'deprecated': True}


def read_only(names: Iterable[str]) -> dict[str, Any]:
    """Return schemas that refuse the fields which only the service sets."""
    return {name: {'not': {}, 'readOnly': True} for name in names}


def body(properties: dict[str, Any], required: Iterable[str] = ()) -> dict[str, Any]:
    """Return the schema of a JSON object with these fields and no others."""
    return {
        'type': 'object',
        'properties': properties,
        'required': list(required),
        'additionalProperties': False,
    }


# Parts of answers. The schema of an object has all its fields and no others.

#: A time: without an offset in version 1.0, with `Z` from 1.1 on.
MOMENT = ref('Moment')
NULLABLE_MOMENT = {'anyOf': [MOMENT, {'type': 'null'}]}
STRING = {'type': 'string'}
NULLABLE_STRING = {'type': ['string', 'null']}
OBJECT = {'type': 'object'}
STRINGS = {'type': 'array', 'items': STRING}
#: The body `null`.
NOTHING = {'type': 'null'}

LINKS = named(
    'Links',
    {
        'type': 'array',
        'items': {
            'type': 'object',
            'properties': {
                'rel': STRING,
                'href': {'type': 'string', 'format': 'uri'},
            },
            'required': ['rel', 'href'],
            'additionalProperties': False,
        },
    },
)


def shown(properties: dict[str, Schema], optional: Iterable[str] = ()) -> dict[str, Any]:
    """Return the schema of an object in an answer.

    Args:
        properties: its fields.
        optional: names of the fields that are absent where they do not apply.
    """
    return body(properties, [name for name in properties if name not in set(optional)])


def listed(name: str, item: Schema) -> dict[str, Any]:
    """Return the schema of a page of a list of `name`."""
    return shown(
        {name: {'type': 'array', 'items': item}, f'{name}_links': LINKS},
        optional=[f'{name}_links'],
    )


def one_of(values: Iterable[str]) -> dict[str, Any]:
    """Return the schema of a text that is one of `values`."""
    return {'type': 'string', 'enum': sorted(map(str, values))}


#: Lease terms in an answer.
AGREED: dict[str, Schema] = {
    'recall_notice': {
        'type': ['integer', 'null'],
        'description': 'Minimum notice before a recall in seconds; null: the provider can cancel '
        'the lease at any time.',
    },
    'firm': {'type': 'boolean', 'description': 'Whether recalls are excluded.'},
}

#: Fields that an offer and a lease have of their node.
RESOURCE: dict[str, Schema] = {
    'resource_type': STRING,
    'resource_uuid': STRING,
    'resource': {'type': 'string', 'description': "The node's name."},
    'resource_class': NULLABLE_STRING,
    'resource_properties': OBJECT,
}

ERROR = named(
    'Error',
    shown(
        {
            'error': shown(
                {
                    'code': {'type': 'string', 'description': 'For programs; it never changes.'},
                    'status': {'type': 'integer'},
                    'title': STRING,
                    'message': {'type': 'string', 'description': 'For people.'},
                    'details': OBJECT,
                    'request_id': NULLABLE_STRING,
                }
            ),
            'faultcode': one_of(['Client', 'Server']),
            'faultstring': STRING,
            'debuginfo': NOTHING,
        }
    ),
)
