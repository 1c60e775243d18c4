"""Options of the metrics for Prometheus."""

from oslo_config import cfg

OPTS = [
    cfg.HostAddressOpt(
        'host',
        default='127.0.0.1',
        help='Address that /metrics is served on. It needs no token: keep it private.',
    ),
    cfg.PortOpt('api_port', help='Port of the metrics of esi-leap-api; unset: no metrics.'),
    cfg.PortOpt('manager_port', help='Port of the metrics of esi-leap-manager; unset: no metrics.'),
]
