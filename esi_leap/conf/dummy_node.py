"""Options of the dummy fleet."""

from oslo_config import cfg

OPTS = [
    cfg.StrOpt(
        'dummy_node_dir',
        help='Directory of JSON files, one for each dummy node. Without it there are no nodes of '
        'the resource type dummy_node.',
    ),
]
