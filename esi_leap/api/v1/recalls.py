"""`/v1/recalls`."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from esi_leap.actions import recalls
from esi_leap.api.body import read_seconds, read_time
from esi_leap.api.expose import NOTHING, Call, Reply, route
from esi_leap.api.query import build_query, make_page
from esi_leap.api.schemas import common
from esi_leap.api.schemas import recall as schema
from esi_leap.api.views.recall import render_recall, render_recall_detail
from esi_leap.core.errors import InvalidError


@route('GET', '/v1/recalls', query=schema.QUERY, answer=schema.RECALLS)
def index(call: Call) -> Reply:
    """List recalls."""
    query = build_query(call, schema.QUERY)
    everyone = call.query.get('view') == 'all'
    found = recalls.index(call.deps, call.ctx, query, everyone=everyone)
    return make_page(call, 'recalls', found, query, render_recall)


@route('GET', '/v1/recalls/{ident}', answer=schema.RECALL)
def show(call: Call) -> Reply:
    """Show a recall and the progress of each of its nodes."""
    return Reply(render_recall_detail(recalls.show(call.deps, call.ctx, call.ident), call))


@route(
    'POST',
    '/v1/recalls',
    body=schema.CREATE,
    answer=schema.RECALL,
    argument='new_recall',
    status=HTTPStatus.CREATED,
)
def create(call: Call) -> Reply:
    """Recall nodes before the end of their leases."""
    body = call.body
    _check_request(body)
    detail = recalls.create(
        call.deps,
        call.ctx,
        recalls.NewRecall(
            nodes=body.get('nodes', ()),
            resource_class=body.get('resource_class'),
            count=None if 'count' not in body else int(body['count']),
            deadline=read_time(body, 'deadline'),
            notice=read_seconds(body, 'notice'),
            reason=body.get('reason'),
            project=body.get('project_id'),
        ),
    )
    uuid = detail.view.recall.uuid
    return Reply(render_recall_detail(detail, call), f'/v1/recalls/{uuid}')


@route('DELETE', '/v1/recalls/{ident}', answer=common.NOTHING)
def delete(call: Call) -> Reply:
    """Cancel a recall: leases that it has not ended yet get their former end back."""
    recalls.cancel(call.deps, call.ctx, call.ident)
    return NOTHING


def _check_request(body: Mapping[str, Any]) -> None:
    """Refuse a request that does not say in exactly one way which nodes, and by when.

    Raises:
        InvalidError: fields are missing or contradict each other.
    """
    ways = {'nodes', 'all', 'resource_class'}.intersection(body)
    if len(ways) != 1 or ('resource_class' in body) is not ('count' in body):
        raise InvalidError('Give nodes, or all, or resource_class and count together.')
    if body.get('deadline') is not None and body.get('notice') is not None:
        raise InvalidError('Give deadline or notice, and not both.', field='notice')
