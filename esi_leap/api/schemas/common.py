"""Pieces that the schemas share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Schema = Mapping[str, Any]

#: Schemas that others refer to by name; the OpenAPI document has them under the same names. What
#: a name stands for in one version of the API only is added there.
COMPONENTS: dict[str, Schema] = {}


def ref(name: str) -> Schema:
    """Refer to a schema by its name."""
    return {'$ref': f'#/components/schemas/{name}'}


def named(name: str, schema: Schema) -> Schema:
    """Give a schema a name that no other has, and return what refers to it."""
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
#: On what terms an owner can have back what he lends, in a request.
TERMS = {
    'recall_notice': {
        **SECONDS,
        'type': ['integer', 'null'],
        'description': 'Seconds that a recall has to be told before the end of a lease, at least '
        '0; null is that the provider may cancel it at once.',
    },
    'firm': {'type': 'boolean', 'description': 'True if it cannot be recalled, or false.'},
}
#: Accepted for the sake of existing clients; the service knows better.
IGNORED = {'description': 'Ignored: it is read from the node.', 'deprecated': True}

#: A parameter that may be given several times is an array; all others are given once.
IDENTS = {'type': 'array', 'items': IDENT}
CRITERIA = {
    'type': 'array',
    'items': {'type': 'string', 'maxLength': 2000},
    'maxItems': 20,
    'description': 'At most 20 conditions on properties of the node, such as memory_mb>=131072.',
}


def statuses(of: Iterable[str]) -> dict[str, Any]:
    """Return the schema of the parameter that filters by status."""
    known = [*sorted(map(str, of)), 'any']
    several = f'One or more of {", ".join(known)}.'
    return {'type': 'array', 'items': {'enum': known, 'description': several}}


LIMIT = {
    'type': 'string',
    'pattern': '^[1-9][0-9]{0,8}$',
    'description': 'A positive number.',
}


def page(keys: Iterable[str]) -> dict[str, Any]:
    """Return the schemas of the parameters of pages.

    Args:
        keys: what the list can be sorted by.
    """
    known = sorted(keys)
    return {
        'limit': LIMIT,
        'marker': {
            'type': 'string',
            'description': 'The uuid of the last object of the page before.',
        },
        'sort_key': {'enum': known, 'description': f'It is one of {", ".join(known)}.'},
        'sort_dir': {'enum': ['asc', 'desc'], 'description': 'It is asc or desc.'},
    }


def read_only(names: Iterable[str]) -> dict[str, Any]:
    """Return schemas that refuse fields which only the service writes."""
    return {name: {'not': {}, 'readOnly': True} for name in names}


def body(properties: dict[str, Any], required: Iterable[str] = ()) -> dict[str, Any]:
    """Return the schema of a JSON object with these fields and no others."""
    return {
        'type': 'object',
        'properties': properties,
        'required': list(required),
        'additionalProperties': False,
    }


# What answers are made of. Each object says all its fields and no others.

#: A time: without an offset in version 1.0, with `Z` from 1.1 on.
MOMENT = ref('Moment')
NULLABLE_MOMENT = {'anyOf': [MOMENT, {'type': 'null'}]}
STRING = {'type': 'string'}
NULLABLE_STRING = {'type': ['string', 'null']}
OBJECT = {'type': 'object'}
STRINGS = {'type': 'array', 'items': STRING}
#: The body `null`, of a call that has nothing to say.
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
        optional: those of them that are left out where they do not apply.
    """
    return body(properties, [name for name in properties if name not in set(optional)])


def listed(name: str, item: Schema) -> dict[str, Any]:
    """Return the schema of a page of a list, called `name`."""
    return shown(
        {name: {'type': 'array', 'items': item}, f'{name}_links': LINKS},
        optional=[f'{name}_links'],
    )


def one_of(values: Iterable[str]) -> dict[str, Any]:
    """Return the schema of a text that is one of these."""
    return {'type': 'string', 'enum': sorted(map(str, values))}


#: On what terms an owner can have back what he has lent, in an answer.
AGREED = {
    'recall_notice': {
        'type': ['integer', 'null'],
        'description': 'Seconds that a recall is told before the end of a lease; null is that the '
        'provider may cancel it at once.',
    },
    'firm': {'type': 'boolean', 'description': 'Whether it cannot be recalled.'},
}

#: What an offer and a lease say of their node.
RESOURCE = {
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
                    'code': {'type': 'string', 'description': 'Never changes; for programs.'},
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
