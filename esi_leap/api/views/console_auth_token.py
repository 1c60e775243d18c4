"""Tokens for consoles as JSON objects."""

from __future__ import annotations

from esi_leap.actions.console_auth_tokens import Access
from esi_leap.api.expose import Call
from esi_leap.api.views.pieces import render_time


def render_console_auth_token(access: Access, call: Call) -> dict[str, object]:
    """Return the JSON object of a new token, the only answer that holds its secret."""
    return {
        'node_uuid': access.record.node.resource_uuid,
        'token': access.token,
        'access_url': access.url,
        'read_only': access.record.read_only,
        'expires_at': render_time(access.record.expires_at, call),
    }
