"""Schemas of tokens for consoles."""

from esi_leap.api.schemas import common

CREATE = common.body(
    {
        'node_uuid_or_name': common.IDENT,
        'token_ttl': {
            'type': ['integer', 'string', 'null'],
            # Existing clients send a text. The operator's limit applies to long ones.
            'pattern': '^-?[0-9]{1,12}$',
            'minimum': -999_999_999_999,
            'maximum': 999_999_999_999,
            'description': 'A number of seconds, in which the token has to be used.',
        },
        'read_only': {
            'type': ['boolean', 'null'],
            'description': 'True if what is typed shall be dropped, else false.',
        },
    },
    required=['node_uuid_or_name'],
)

CONSOLE_AUTH_TOKEN = common.named(
    'ConsoleAuthToken',
    common.shown(
        {
            'node_uuid': common.STRING,
            'token': {'type': 'string', 'description': 'The secret; it opens one connection.'},
            'access_url': {
                'type': 'string',
                'description': 'Address of the websocket; it contains the token.',
            },
            'read_only': {
                'type': 'boolean',
                'description': 'Whether the console drops what is typed.',
            },
            'expires_at': {**common.MOMENT, 'description': 'Expiry of the token.'},
        }
    ),
)
