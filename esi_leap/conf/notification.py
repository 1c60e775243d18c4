"""Options of notifications. Whether there are any is said in `[oslo_messaging_notifications]`."""

from oslo_config import cfg

LEVEL = cfg.StrOpt(
    'notification_level',
    default='info',
    choices=['debug', 'info', 'warn', 'error', 'critical'],
    help='Least level of the notifications that are sent: info is all of them, error those of '
    'what did not work.',
)

OPTS = [
    LEVEL,
    cfg.ListOpt(
        'versioned_notifications_topics',
        default=['esi_leap_versioned_notifications'],
        help='Topics to which notifications are sent. With RabbitMQ their queues are these names '
        'with .info or .error behind them.',
    ),
]
