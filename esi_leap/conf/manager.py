"""Options of the manager."""

from oslo_config import cfg

OPTS = [
    cfg.StrOpt(
        'holding_project',
        help='Id of the project that is the lessee of a node while the node is prepared or '
        'returned. It must have no members: then no user can use the node meanwhile.',
    ),
    cfg.FloatOpt(
        'poll_interval',
        min=0.01,
        max=60,
        default=0.5,
        help='Maximum time between two looks for due tasks, in seconds.',
    ),
    cfg.IntOpt(
        'threads', min=1, default=8, help='Number of nodes that are worked on at the same time.'
    ),
    cfg.FloatOpt(
        'claim_time',
        min=5,
        default=30,
        help='How long a manager claims a node, in seconds. After a crash of the manager another '
        'one goes on with the node when this time has passed.',
    ),
    cfg.FloatOpt(
        'retry_max',
        min=1,
        default=30,
        help='Maximum time, in seconds, until a task is retried for which a person has to act.',
    ),
    cfg.IntOpt(
        'max_attempts',
        min=1,
        default=10,
        help='Number of unexpected errors in a row after which a lease is in error.',
    ),
    cfg.FloatOpt(
        'check_interval',
        min=1,
        default=60,
        help='Time between two comparisons of a leased node with its lease, in seconds.',
    ),
    cfg.StrOpt(
        'on_drift',
        default='report',
        choices=[
            ('report', 'show it on the lease or the node, and write an event'),
            (
                'repair',
                (
                    'also set the lessee of the lease again, and take back and clean a node that '
                    'has a lessee without a lease'
                ),
            ),
        ],
        help='What to do if the lessee of a node was changed past this service.',
    ),
    cfg.BoolOpt(
        'require_clean',
        default=True,
        help='Do not hand a node to the next lessee if cleaning is switched off on it.',
    ),
]
