"""Options of the dummy fleet."""

from oslo_config import cfg

OPTS = [
    cfg.StrOpt(
        'dummy_node_dir',
        help='Directory of JSON files, one for each dummy node. The resource type dummy_node '
        'exists only if it is set.',
    ),
]
