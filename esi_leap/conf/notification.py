"""Options of notifications; `[oslo_messaging_notifications] driver` switches them on."""

from oslo_config import cfg

LEVEL = cfg.StrOpt(
    'notification_level',
    default='info',
    choices=['debug', 'info', 'warn', 'error', 'critical'],
    help='Lowest level of the notifications that are sent: info sends all, error only those of '
    'failures.',
)

OPTS = [
    LEVEL,
    cfg.ListOpt(
        'versioned_notifications_topics',
        default=['esi_leap_versioned_notifications'],
        help='Topics that notifications are sent to. With RabbitMQ the queues have these names, '
        'followed by .info or .error.',
    ),
]
