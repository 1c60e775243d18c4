"""Schemas of the calls about the service itself."""

from esi_leap.api.schemas import common

_VERSION = common.shown(
    {
        'id': common.STRING,
        'links': common.LINKS,
        'status': common.one_of(['CURRENT']),
        'min_version': common.STRING,
        'version': common.STRING,
    }
)

ROOT = common.shown(
    {
        'name': common.STRING,
        'description': common.STRING,
        'default_version': _VERSION,
        'versions': {'type': 'array', 'items': _VERSION},
    }
)

VERSION = common.shown(
    {
        'versions': {
            'type': 'array',
            'items': common.shown(
                {
                    'id': common.STRING,
                    'status': common.one_of(['CURRENT']),
                    'links': common.LINKS,
                }
            ),
        }
    }
)

HEALTH = common.shown(
    {
        'status': common.one_of(['ok']),
        'manager': common.shown(
            {
                'status': {
                    **common.one_of(['ok', 'late', 'never']),
                    'description': 'Late: no manager has looked for due tasks for 30 s.',
                },
                'last_tick': {
                    **common.NULLABLE_MOMENT,
                    'description': 'The latest tick of all managers.',
                },
                'age': {
                    'type': ['number', 'null'],
                    'description': 'Age of the last tick in seconds.',
                },
            }
        ),
    }
)

#: The rest is defined by OpenAPI.
OPENAPI = {
    'type': 'object',
    'properties': {
        'openapi': {'type': 'string', 'pattern': r'^3\.1\.'},
        'info': common.OBJECT,
        'servers': {'type': 'array', 'items': common.OBJECT},
        'paths': common.OBJECT,
        'components': common.OBJECT,
    },
    'required': ['openapi', 'info', 'servers', 'paths', 'components'],
}
