"""Options that limit the leases of one project. Admins are not limited."""

from oslo_config import cfg

OPTS = [
    cfg.IntOpt(
        'leases',
        min=0,
        help='Maximum number of leases of one project that have not ended; unset: no limit. With a '
        'limit, claims of one project are made one after the other.',
    ),
    cfg.IntOpt(
        'days_ahead',
        min=0,
        help='How far in the future a claimed lease may start, in days; unset: no limit.',
    ),
    cfg.IntOpt(
        'days_in_a_row',
        min=1,
        help='Maximum time that one project may have a node without a break, by claims that follow '
        'each other, in days; unset: no limit. [api] max_lease_time limits each single lease.',
    ),
]
