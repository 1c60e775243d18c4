"""`/v1/console_auth_tokens`."""

from __future__ import annotations

from http import HTTPStatus

from esi_leap.actions import console_auth_tokens
from esi_leap.api.expose import NOTHING, Call, Reply, route
from esi_leap.api.schemas import common
from esi_leap.api.schemas import console_auth_token as schema
from esi_leap.api.views.console_auth_token import render_console_auth_token


@route(
    'POST',
    '/v1/console_auth_tokens',
    body=schema.CREATE,
    argument='new_console_auth_token',
    answer=schema.CONSOLE_AUTH_TOKEN,
    status=HTTPStatus.CREATED,
)
def create(call: Call) -> Reply:
    """Create a token for one connection to the serial console of a node."""
    ttl = call.body.get('token_ttl')
    access = console_auth_tokens.create(
        call.deps,
        call.ctx,
        console_auth_tokens.NewToken(
            node=call.body['node_uuid_or_name'],
            ttl=None if ttl is None else int(ttl),
            read_only=bool(call.body.get('read_only')),
        ),
    )
    return Reply(render_console_auth_token(access, call))


@route('DELETE', '/v1/console_auth_tokens/{ident}', answer=common.NOTHING)
def delete(call: Call) -> Reply:
    """Delete the tokens of a node and close the consoles that they opened."""
    console_auth_tokens.delete(call.deps, call.ctx, call.ident)
    return NOTHING
