"""Options of the API's own TLS; the names are those of the existing service."""

from oslo_config import cfg

OPTS = [
    cfg.StrOpt(
        'cert_file', help='Certificate of the API with its chain, in PEM; for enable_ssl_api.'
    ),
    cfg.StrOpt('key_file', help='Private key of the certificate, in PEM.'),
    cfg.StrOpt(
        'ca_file',
        help='CA certificates, in PEM, that clients must have a certificate from; unset: clients '
        'need none.',
    ),
]
