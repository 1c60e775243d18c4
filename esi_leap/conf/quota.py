"""Options that limit what one project may claim. Admins are not limited."""

from oslo_config import cfg

OPTS = [
    cfg.IntOpt(
        'leases',
        min=0,
        help='Most leases of one project that have not ended; unset: no limit. Claims of one '
        'project then follow each other instead of running side by side.',
    ),
    cfg.IntOpt(
        'days_ahead',
        min=0,
        help='How far ahead a claimed lease may start, in days; unset: no limit.',
    ),
    cfg.IntOpt(
        'days_in_a_row',
        min=1,
        help='How long one project may have a node without a break through claims that touch, in '
        'days; unset: no limit. [api] max_lease_time is about each single lease.',
    ),
]
