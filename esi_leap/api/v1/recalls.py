"""`/v1/recalls`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from esi_leap.actions import recalls
from esi_leap.api import lists, views
from esi_leap.api.expose import Call, Reply, route
from esi_leap.api.schemas import common
from esi_leap.api.schemas import recall as schema
from esi_leap.api.v1.values import gone, moment, project
from esi_leap.core.errors import InvalidError
from esi_leap.core.recall import Status


@route('GET', '/v1/recalls', query=schema.QUERY, answer=schema.RECALLS)
def index(call: Call) -> Reply:
    """List recalls."""
    whose = project(call, 'project_id')
    query = lists.page(
        call,
        'owner_id',
        equal={
            **({'uuid': call.query['uuid']} if 'uuid' in call.query else {}),
            **({} if whose is None else {'owner_id': whose}),
            **lists.statuses(call.query, [Status.PENDING]),
        },
    )
    everyone = call.query.get('view') == 'all'
    found = recalls.index(call.deps, call.ctx, query, everyone=everyone)
    return lists.reply(call, 'recalls', found, query, views.recall)


@route('GET', '/v1/recalls/{ident}', answer=schema.RECALL)
def show(call: Call) -> Reply:
    """Show a recall, and how far each of its nodes is."""
    return Reply(views.recall_of_nodes(recalls.show(call.deps, call.ctx, call.ident), call))


@route(
    'POST',
    '/v1/recalls',
    body=schema.CREATE,
    answer=schema.RECALL,
    argument='new_recall',
    status=HTTPStatus.CREATED,
)
def create(call: Call) -> Reply:
    """Have nodes back before the time for which they were lent is over."""
    body = _checked(call.body)
    notice = body.get('notice')
    made = recalls.create(
        call.deps,
        call.ctx,
        recalls.NewRecall(
            nodes=body.get('nodes', ()),
            resource_class=body.get('resource_class'),
            count=None if 'count' not in body else int(body['count']),
            deadline=moment(body, 'deadline'),
            notice=None if notice is None else timedelta(seconds=int(notice)),
            reason=body.get('reason'),
            project=body.get('project_id'),
        ),
    )
    return Reply(views.recall_of_nodes(made, call), f'/v1/recalls/{made.view.recall.uuid}')


@route('DELETE', '/v1/recalls/{ident}', answer=common.NOTHING)
def delete(call: Call) -> Reply:
    """Cancel a recall: what has not ended yet by it lasts as long as it would have."""
    recalls.cancel(call.deps, call.ctx, call.ident)
    return gone()


def _checked(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Check that a body says what is recalled, and by when, in one way.

    Raises:
        InvalidError: it does not.
    """
    ways = {'nodes', 'all', 'resource_class'}.intersection(body)
    if len(ways) != 1 or ('resource_class' in body) is not ('count' in body):
        raise InvalidError('Give nodes, or all, or resource_class and count together.')
    if body.get('deadline') is not None and body.get('notice') is not None:
        raise InvalidError('Give deadline or notice, and not both.', field='notice')
    return body
