"""Options of the manager."""

from oslo_config import cfg

OPTS = [
    cfg.StrOpt(
        'holding_project',
        help='Id of the project that is lessee of a node while it is prepared or returned. It has '
        'no members, so that nobody can use the node meanwhile.',
    ),
    cfg.FloatOpt(
        'poll_interval',
        min=0.01,
        max=60,
        default=0.5,
        help='Longest sleep, in seconds, between two looks at what is due.',
    ),
    cfg.IntOpt('threads', min=1, default=8, help='Nodes worked on at the same time.'),
    cfg.FloatOpt(
        'claim_time',
        min=5,
        default=30,
        help='How long, in seconds, a manager has a node for itself. After a crash the next '
        'manager goes on when it has passed.',
    ),
    cfg.FloatOpt(
        'retry_max',
        min=1,
        default=30,
        help='Longest time, in seconds, between two tries of what somebody else has to put right.',
    ),
    cfg.IntOpt(
        'max_attempts',
        min=1,
        default=10,
        help='Unexpected errors in a row after which a lease is in error.',
    ),
    cfg.FloatOpt(
        'check_interval',
        min=1,
        default=60,
        help='How often, in seconds, a node that is with a lessee is compared with its lease.',
    ),
    cfg.StrOpt(
        'on_drift',
        default='report',
        choices=[
            ('report', 'say so: on the lease or the node, and by an event'),
            (
                'repair',
                (
                    'also write the lessee of the lease again, and take a node that nobody has '
                    'leased from whoever has it, to be cleaned'
                ),
            ),
        ],
        help='What is done about a lessee who was changed past this service.',
    ),
    cfg.BoolOpt(
        'require_clean',
        default=True,
        help='Keep a node from the next lessee if cleaning is switched off on it.',
    ),
]
