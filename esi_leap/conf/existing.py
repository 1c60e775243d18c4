"""Options of the existing service (esi-leap 1.0) that have no effect here.

Its configuration file is read as it is; what an operator may still believe in is said at the start.
"""

from __future__ import annotations

from collections.abc import Iterator

from oslo_config import cfg

_NO_ENDPOINT = 'There is no such option there either; the one meant is endpoint_override.'
_TOPICS = 'Use [notification] versioned_notifications_topics.'

#: (group, option) to what to know about it.
_IDLE = {
    ('api', 'public_endpoint'): 'Links name the address that the request came to; behind a proxy '
    'set [oslo_middleware] enable_proxy_headers_parsing.',
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
    ('oslo_messaging_notifications', 'retry'): 'What the message bus does not take is kept, and '
    'sent when it does.',
}

_AUTH = (
    '[pecan] auth_enable = false has no effect: every request needs a token, and the rules hold. '
    'For development on a loopback address there is [api] auth_strategy = noauth.'
)


def warnings(conf: cfg.ConfigOpts) -> Iterator[str]:
    """Yield a sentence for each option that is set and does nothing."""
    for (group, name), advice in _IDLE.items():
        if is_set(conf, group, cfg.StrOpt(name)):
            yield f'[{group}] {name} has no effect. {advice}'
    auth = cfg.BoolOpt('auth_enable', default=True)
    if is_set(conf, 'pecan', auth) and not conf.pecan.auth_enable:
        yield _AUTH


def is_set(conf: cfg.ConfigOpts, group: str, option: cfg.Opt) -> bool:
    """Tell whether a file or the command line sets an option, which need not be known yet."""
    conf.register_opt(option, group=group)
    found = conf.get_location(option.dest, group)
    return found is not None and bool(found.location.is_user_controlled)
