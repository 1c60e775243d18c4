"""The WSGI application: middleware, the error hook, and the controller of the route table."""

from __future__ import annotations

import contextlib
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import microversion_parse
import pecan
import webob
from oslo_config import cfg
from oslo_middleware import cors, http_proxy_to_wsgi, request_id, sizelimit
from pecan import hooks
from webob import exc

from esi_leap.actions.deps import Deps
from esi_leap.api import errors
from esi_leap.api.expose import (
    ROUTES,
    VERSIONS,
    Call,
    Route,
    checked_body,
    checked_ident,
    checked_query,
    steps,
)
from esi_leap.api.v1 import (
    console_auth_tokens,
    contracts,
    events,
    leases,
    nodes,
    offers,
    recalls,
    root,
)
from esi_leap.context import Context, Judge
from esi_leap.core.errors import UnauthenticatedError, UnavailableError

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Answered = Callable[[str, str, int, str | None, float], None]

_SERVICE_TYPE = 'lease'
#: Headers of the middleware's own answers that are passed on.
_PASSED_ON = ('WWW-Authenticate',)
_AUDIT_MAP = Path(__file__).with_name('api_audit_map.conf')
#: Statuses with which the middleware itself answers, and the errors that replace its answers.
_MIDDLEWARE: dict[int, Exception] = {
    HTTPStatus.UNAUTHORIZED: UnauthenticatedError(
        'The request you have made requires authentication.'
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: exc.HTTPRequestEntityTooLarge(
        'The body of the request is too long.'
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: UnavailableError('Keystone does not answer; try again.'),
}
#: Importing these modules fills the route table.
NOUNS = (root, offers, leases, contracts, recalls, nodes, events, console_auth_tokens)


def build(
    deps: Deps,
    judge: Judge,
    authenticate: Callable[[WSGI], WSGI],
    conf: cfg.ConfigOpts,
    *,
    answered: Answered | None = None,
    count: Callable[[str], None] | None = None,
) -> WSGI:
    """Build the application.

    Args:
        deps: ports and settings of the use cases.
        judge: asks the policy.
        authenticate: wraps an application so that its environment has the caller's identity.
        conf: oslo.config, for the middleware.
        answered: called after every answer with route, method, status, error code, seconds.
        count: called before every call with the id of the project, or else of the user; raises
            TooManyRequestsError to refuse the call.
    """
    application: WSGI = pecan.Pecan(
        _Root(deps, judge, count),
        hooks=[_Errors()],
        use_context_locals=False,
        request_cls=_Request,
        force_canonical=False,
        guess_content_type_from_ext=False,
        custom_renderers={'json': _Renderer},
        default_renderer='json',
    )
    if conf.audit.enabled:
        application = _audited(application, conf)
    application = _json_only(authenticate(application))
    application = _in_our_form(sizelimit.RequestBodySizeLimiter(application, conf))
    if conf.cors.allowed_origin:
        application = _for_other_origins(application, conf)
    application = http_proxy_to_wsgi.HTTPProxyToWSGI(application, conf)
    application = request_id.RequestId(application, conf)
    return _observed(application, answered) if answered else application


class _Request(pecan.Request):  # type: ignore[misc]  # untyped Pecan
    """A request that keeps its body in memory; `sizelimit` limits its length."""

    request_body_tempfile_limit = sys.maxsize


class _Renderer:
    """Renders JSON, and an empty text for an answer without a body."""

    def __init__(self, *_: object) -> None:
        pass

    def render(self, _template: str, value: object) -> str:
        return '' if value is _NOTHING else json.dumps(value)


_NOTHING = object()


class _Errors(hooks.PecanHook):  # type: ignore[misc]  # untyped Pecan
    """Turns every exception into an answer: our errors, and Pecan's own 404, 405 and 406."""

    def on_error(self, state: Any, error: Exception) -> webob.Response:  # noqa: ANN401 - Pecan's
        request = state.request
        answer = errors.response(error, request.environ)
        with contextlib.suppress(exc.HTTPNotAcceptable):
            _say_version(answer, _version(request))
        return answer


class _Root:
    """Finds the route of a request, checks the request against it, and calls the handler."""

    def __init__(self, deps: Deps, judge: Judge, count: Callable[[str], None] | None) -> None:
        self._deps = deps
        self._judge = judge
        self._count = count

    @pecan.expose()  # type: ignore[untyped-decorator]  # untyped Pecan
    def _route(self, remainder: list[str], request: webob.Request) -> tuple[object, list[str]]:
        parts = steps(remainder)
        matches = [(each, ident) for each in ROUTES if (ident := each.match(parts)) is not None]
        if not matches:
            raise exc.HTTPNotFound('There is nothing under this path.')
        for found, ident in matches:
            if found.method == request.method:
                request.environ['esi_leap.route'] = found
                return self.call, [ident] if ident else []
        allowed = sorted(found.method for found, _ in matches)
        raise exc.HTTPMethodNotAllowed(
            f'{request.method} is not possible here; {", ".join(allowed)} is.',
            headers={'Allow': ', '.join(allowed)},
        )

    @pecan.expose('json')  # type: ignore[untyped-decorator]  # untyped Pecan
    def call(self, request: webob.Request, response: webob.Response, ident: str = '') -> object:
        """Answer one request."""
        found: Route = request.environ['esi_leap.route']
        ctx = Context.of(request.environ, self._judge)
        if not found.public and request.headers.get('X-Identity-Status') != 'Confirmed':
            raise UnauthenticatedError('The request you have made requires authentication.')
        if self._count and not found.public:
            self._count(ctx.project_id or ctx.user_id or '')
        version = _version(request)
        reply = found.handler(
            Call(
                deps=self._deps,
                ctx=ctx,
                request=request,
                version=version,
                ident=checked_ident(ident),
                query=checked_query(found, request),
                body=checked_body(found, request),
            )
        )
        status, answer = found.outcome(version)
        response.status = int(status)
        _say_version(response, version)
        if reply.location is not None:
            response.headers['Location'] = request.application_url + reply.location
        return _NOTHING if answer is None else reply.value


def _version(request: webob.Request) -> tuple[int, int]:
    """Return the API version of a request; without a header it is the oldest, as clients expect.

    Raises:
        HTTPNotAcceptable: there is no such version.
    """
    asked = microversion_parse.get_version(request.headers, service_type=_SERVICE_TYPE)
    if asked is None:
        return VERSIONS[0]
    if asked == 'latest':
        return VERSIONS[-1]
    known = {'{}.{}'.format(*each): each for each in VERSIONS}
    if asked not in known:
        raise exc.HTTPNotAcceptable(
            f'API version {asked} is not known; {", ".join(known)} and latest are.'
        )
    return known[asked]


def _say_version(answer: webob.Response, version: tuple[int, int]) -> None:
    answer.headers['OpenStack-API-Version'] = '{} {}.{}'.format(_SERVICE_TYPE, *version)
    answer.headers['Vary'] = 'OpenStack-API-Version'


def _json_only(application: WSGI) -> WSGI:
    """Read and answer JSON, whatever the headers Accept and Content-Type say.

    Pecan would read a body by its type and take it for arguments of the controller.
    """

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ['HTTP_ACCEPT'] = '*/*'
        environ['CONTENT_TYPE'] = 'application/octet-stream'
        return application(environ, start_response)

    return wrapped


def _audited(application: WSGI, conf: cfg.ConfigOpts) -> WSGI:
    """Let keystonemiddleware audit the calls as CADF events."""
    with warnings.catch_warnings():
        # It loads oslo.messaging where that is installed, which loads eventlet, which warns.
        warnings.simplefilter('ignore')
        from keystonemiddleware import audit  # noqa: PLC0415 - slow to load, and optional

    middleware = audit.AuditMiddleware(
        application,
        oslo_config_config=conf,
        audit_map_file=conf.audit.audit_map_file or str(_AUDIT_MAP),
        ignore_req_list=conf.audit.ignore_req_list,
    )

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        # The middleware believes this header. REMOTE_ADDR already holds what a trusted proxy says.
        environ.pop('HTTP_X_FORWARDED_FOR', None)
        answer: Iterable[bytes] = middleware(environ, start_response)
        return answer

    return wrapped


def _in_our_form(application: WSGI) -> WSGI:
    """Replace error answers of the middleware by answers in our form."""

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        answer = webob.Request(environ).get_response(application)
        error = _MIDDLEWARE.get(answer.status_int)
        if error is not None and b'"faultstring"' not in answer.body:
            kept = {key: answer.headers[key] for key in _PASSED_ON if key in answer.headers}
            answer = errors.response(error, environ)
            answer.headers.update(kept)
        body: Iterable[bytes] = answer(environ, start_response)
        return body

    return wrapped


def _for_other_origins(application: WSGI, conf: cfg.ConfigOpts) -> WSGI:
    """Let web pages of the configured origins call.

    Only requests of other origins go through the middleware: it answers 200 to every OPTIONS.
    """
    shared = cors.CORS(application, conf)

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        preflight = 'HTTP_ACCESS_CONTROL_REQUEST_METHOD' in environ
        cross = 'HTTP_ORIGIN' in environ and (preflight or environ['REQUEST_METHOD'] != 'OPTIONS')
        answer: Iterable[bytes] = (shared if cross else application)(environ, start_response)
        return answer

    return wrapped


def _observed(application: WSGI, answered: Answered) -> WSGI:
    """Report every answer; routes and methods are from the route table, never from the caller."""

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        begun = time.monotonic()
        answer = webob.Request(environ).get_response(application)
        found: Route | None = environ.get('esi_leap.route')
        answered(
            found.path if found else 'none',
            found.method if found else 'other',
            answer.status_int,
            environ.get(errors.CODE) if answer.status_int >= HTTPStatus.BAD_REQUEST else None,
            time.monotonic() - begun,
        )
        body: Iterable[bytes] = answer(environ, start_response)
        return body

    return wrapped
