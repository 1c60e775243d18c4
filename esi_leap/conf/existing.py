"""Options of the existing service (esi-leap 1.0) that have no effect here.

Its configuration file is read as it is; a warning at the start names each such option.
"""

from __future__ import annotations

from collections.abc import Iterator

from oslo_config import cfg

_NO_ENDPOINT = 'It had none in the existing service either; use endpoint_override.'
_TOPICS = 'Use [notification] versioned_notifications_topics.'

#: (group, option) to the advice about it.
_IDLE = {
    ('api', 'public_endpoint'): 'Links have the address of the request; behind a proxy set '
    '[oslo_middleware] enable_proxy_headers_parsing.',
    ('pecan', 'root'): 'The API is always the same.',
    ('pecan', 'modules'): 'The API is always the same.',
    ('pecan', 'debug'): 'Use [DEFAULT] debug.',
    ('ironic', 'api_endpoint'): _NO_ENDPOINT,
    ('keystone', 'api_endpoint'): _NO_ENDPOINT,
    ('oslo_concurrency', 'lock_path'): 'No lock files are used.',
    ('DEFAULT', 'notification_driver'): 'Use [oslo_messaging_notifications] driver.',
    ('DEFAULT', 'notification_transport_url'): 'Use [DEFAULT] transport_url.',
    ('DEFAULT', 'notification_topics'): _TOPICS,
    ('oslo_messaging_notifications', 'topics'): _TOPICS,
    ('oslo_messaging_notifications', 'retry'): 'A notification is kept until the bus takes it.',
}

_AUTH = (
    '[pecan] auth_enable = false has no effect: every request needs a token, and the policy holds. '
    'For development on a loopback address use [api] auth_strategy = noauth.'
)


def warnings(conf: cfg.ConfigOpts) -> Iterator[str]:
    """Yield a warning for each option that is set and has no effect."""
    for (group, name), advice in _IDLE.items():
        if is_set(conf, group, cfg.StrOpt(name)):
            yield f'[{group}] {name} has no effect. {advice}'
    auth = cfg.BoolOpt('auth_enable', default=True)
    if is_set(conf, 'pecan', auth) and not conf.pecan.auth_enable:
        yield _AUTH


def is_set(conf: cfg.ConfigOpts, group: str, option: cfg.Opt) -> bool:
    """Tell whether a file or the command line sets an option; it is registered if need be."""
    conf.register_opt(option, group=group)
    found = conf.get_location(option.dest, group)
    return found is not None and bool(found.location.is_user_controlled)
