"""Options of the inventory of nodes."""

from oslo_config import cfg

OPTS = [
    cfg.FloatOpt(
        'refresh_interval',
        min=1,
        default=60,
        help='How often, in seconds, the manager reads all nodes from Ironic.',
    ),
    cfg.FloatOpt(
        'max_age',
        min=1,
        default=180,
        help='How old, in seconds, the inventory may be when somebody lists nodes. An older one is '
        'refreshed by the API beside the request, so that lists stay right without a manager.',
    ),
]
