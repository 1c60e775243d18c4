"""Options of the inventory of nodes."""

from oslo_config import cfg

OPTS = [
    cfg.FloatOpt(
        'refresh_interval',
        min=1,
        default=60,
        help='Time between two reads of all nodes from Ironic by the manager, in seconds.',
    ),
    cfg.FloatOpt(
        'max_age',
        min=1,
        default=180,
        help='Maximum age of the inventory, in seconds, when nodes are listed. If it is older, the '
        'API refreshes it beside the request, so that lists stay right without a manager.',
    ),
]
