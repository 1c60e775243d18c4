"""Options of the audit, the same as those of other services; the rest is keystonemiddleware's."""

from oslo_config import cfg

OPTS = [
    cfg.BoolOpt(
        'enabled',
        default=False,
        help='Tell in CADF of each call who did what, when, from where, and how it went. Where '
        'to, [audit_middleware_notifications] says: to the bus, or to the log.',
    ),
    cfg.StrOpt(
        'ignore_req_list',
        default='GET,HEAD,OPTIONS',
        help='Methods that are not told of, with commas between them.',
    ),
    cfg.StrOpt(
        'audit_map_file',
        help="What a path means, in the form of keystonemiddleware; unset: the service's own.",
    ),
]
