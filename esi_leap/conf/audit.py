"""Options of the audit, as other services have them; keystonemiddleware registers the others."""

from oslo_config import cfg

OPTS = [
    cfg.BoolOpt(
        'enabled',
        default=False,
        help='Write a CADF record of each request: user, action, time, address and outcome. '
        '[audit_middleware_notifications] sends it to the message bus or to the log.',
    ),
    cfg.StrOpt(
        'ignore_req_list',
        default='GET,HEAD,OPTIONS',
        help='HTTP methods that are not recorded, separated by commas.',
    ),
    cfg.StrOpt(
        'audit_map_file',
        help='File that maps paths to actions, in the format of keystonemiddleware; unset: the '
        'file of this service.',
    ),
]
