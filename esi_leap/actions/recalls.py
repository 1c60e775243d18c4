"""Recalling nodes before the end of their leases."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from esi_leap.actions import nodes, projects, rights
from esi_leap.actions.deps import Deps
from esi_leap.core.booking import recall as recalls
from esi_leap.core.change import Note
from esi_leap.core.errors import (
    DeniedError,
    FinalStateError,
    InvalidWindowError,
    LeapError,
    NothingToRecallError,
    RecallNotFoundError,
)
from esi_leap.core.instant import render
from esi_leap.core.node import Node
from esi_leap.core.ports.caller import Caller
from esi_leap.core.ports.store import Store
from esi_leap.core.query import Query, Scope
from esi_leap.core.recall import ItemStatus, Recall, Status
from esi_leap.core.views import Given, ItemView, RecallView

_LOG = logging.getLogger(__name__)
_EVERYTHING = Scope(everything=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRecall:
    """A request to recall nodes.

    Attributes:
        nodes: uuids or names; empty means all nodes that the project provides to others.
        resource_class: only nodes of this class.
        count: number of nodes of this class.
        deadline: when the nodes are due; None is `notice` from now.
        notice: time until the nodes are due; None is none.
        project: id or name of the project that recalls. None is the caller's project, or, for an
            admin who names nodes of another project, the owner of the first of them.
    """

    nodes: Sequence[str] = ()
    resource_class: str | None = None
    count: int | None = None
    deadline: datetime | None = None
    notice: timedelta | None = None
    reason: str | None = None
    project: str | None = None


@dataclass(frozen=True, slots=True)
class RecallDetail:
    """A recall and the progress of each of its nodes."""

    view: RecallView
    items: Sequence[ItemView]


def create(deps: Deps, ctx: Caller, request: NewRecall) -> RecallDetail:
    """Recall nodes that the caller's project owns or provides to others; an admin can recall any.

    Each node is recalled in a transaction of its own. If this process dies on the way, a manager
    recalls the other nodes.

    Raises:
        NodeNotFoundError: a node does not exist, or the caller may not know that it does.
        DeniedError: the project neither owns nor provides any of the nodes.
        NothingToRecallError: the project provides no such node to others.
    """
    rights.require(ctx, 'esi_leap:recall:create')
    now = deps.now()
    deadline = _deadline(request, now)
    named = [nodes.show(deps, ctx, each).node for each in request.nodes]
    project = _owner(deps, ctx, request, named)
    projects.keep_names(deps, ctx)
    recall = Recall(
        uuid=deps.new_uuid(),
        owner_id=project,
        reason=request.reason,
        deadline=deadline,
        created_at=now,
    )
    given = {each.node.id: each for each in deps.store.given(project)}
    keys = list(
        _keys_of_named(named, given, recall) if named else _choose_keys(given, request, recall)
    )
    if not keys:
        raise NothingToRecallError('There is no such node that the project has given away.')
    deps.store.keep_recall(recall, keys)
    _process_all(deps, recall.uuid, keys)
    return _read_detail(deps, recall.uuid)


def index(deps: Deps, ctx: Caller, query: Query, *, everyone: bool) -> Sequence[RecallView]:
    """List the recalls by the caller's project, or by all projects."""
    rights.require(ctx, 'esi_leap:recall:get_all')
    if everyone:
        rights.require(ctx, 'esi_leap:recall:recall_admin')
        return deps.store.recalls(_EVERYTHING, query)
    return deps.store.recalls(Scope(project_id=ctx.project_id or ''), query)


def show(deps: Deps, ctx: Caller, ident: str) -> RecallDetail:
    """Show a recall.

    Raises:
        RecallNotFoundError: the caller may see no such recall.
    """
    admin = ctx.can('esi_leap:recall:recall_admin')
    scope = _EVERYTHING if admin else Scope(project_id=ctx.project_id or '')
    found = deps.store.recalls(scope, Query(equal={'uuid': ident}, limit=1))
    if not found or not ctx.can('esi_leap:recall:get', _target(found[0])):
        raise RecallNotFoundError.of(ident)
    return RecallDetail(found[0], deps.store.recall_items(found[0].recall.uuid))


def cancel(deps: Deps, ctx: Caller, ident: str) -> None:
    """Cancel a recall: leases that it has not ended yet get their former end back.

    Raises:
        RecallNotFoundError: the caller may see no such recall.
        FinalStateError: the recall is complete.
    """
    found = show(deps, ctx, ident).view
    rights.require(ctx, 'esi_leap:recall:delete', _target(found))
    if found.status is Status.COMPLETE:
        raise FinalStateError(f'Recall {found.recall.uuid} is complete: nothing is left to cancel.')
    uuid = found.recall.uuid
    _process_all(deps, uuid, deps.store.cancel_recall(uuid, deps.now()))


def carry_out(store: Store, uuid: str, node_id: int, now: datetime) -> None:
    """Recall one node, or restore its leases if the recall is cancelled, under the node's lock.

    It can be repeated: a finished item stays as it is.
    """
    with store.booking(node_id, now) as book:
        open_items = book.recalls()
        for recall, item in open_items:
            if recall.uuid != uuid:
                continue
            if recall.cancelled_at is not None:
                cancelled = Note(recall, replace(item, status=ItemStatus.CANCELLED))
                book.put((*recalls.plan_restore(uuid, book.tree(), now), cancelled))
            elif item.status is ItemStatus.REQUESTED:
                others = [each for _, each in open_items if each.status is ItemStatus.PENDING]
                planned, change = recalls.plan(recall, book.node, book.tree(), others, now)
                book.put((*change, Note(recall, planned)))


def finish(store: Store, now: datetime, patience: timedelta) -> None:
    """Finish recall items that a crashed API process left open for longer than `patience`."""
    for uuid, node_id in store.unfinished_recalls(now - patience):
        _process_one(store, uuid, node_id, now)


def _process_all(deps: Deps, uuid: str, keys: Iterable[int]) -> None:
    for key in keys:
        _process_one(deps.store, uuid, key, deps.now())


def _process_one(store: Store, uuid: str, node_id: int, now: datetime) -> None:
    """Recall one node; log its error, so that the other nodes are recalled all the same."""
    try:
        carry_out(store, uuid, node_id, now)
    except LeapError as error:
        _LOG.warning('recall %s of node row %s waits: %s', uuid, node_id, error.message)


def _deadline(request: NewRecall, now: datetime) -> datetime:
    deadline = request.deadline or now + (request.notice or timedelta())
    if deadline < now:
        raise InvalidWindowError(
            f'deadline {render(deadline)} has passed; it is {render(now)} (UTC).',
            deadline=render(deadline),
        )
    return deadline


def _owner(deps: Deps, ctx: Caller, request: NewRecall, named: Sequence[Node]) -> str:
    """Return the id of the project that recalls.

    Raises:
        DeniedError: it is not the caller's project, and the caller is no admin of recalls.
    """
    project = rights.require_project(ctx)
    owners = [each.owner_id for each in named]
    if request.project is not None:
        project = deps.project(request.project, ctx).id
    elif named and project not in owners and ctx.can('esi_leap:recall:recall_admin'):
        project = owners[0]
    if project != ctx.project_id:
        rights.require(ctx, 'esi_leap:recall:recall_admin')
    return project


def _keys_of_named(
    named: Sequence[Node], given: Mapping[int, Given], recall: Recall
) -> Iterable[int]:
    """Return the row ids of the named nodes.

    Raises:
        DeniedError: the project neither owns nor provides any of them.
    """
    if not any(each.owner_id == recall.owner_id or each.id in given for each in named):
        raise DeniedError(f'Access was denied to node {named[0].name}.')
    return dict.fromkeys(each.id for each in named)


def _choose_keys(given: Mapping[int, Given], request: NewRecall, recall: Recall) -> Iterable[int]:
    """Return the row ids of the nodes to recall, where the request names none."""
    wanted = request.resource_class
    fitting = {
        key: each
        for key, each in given.items()
        if wanted is None or each.node.resource_class == wanted
    }
    if request.count is None:
        return fitting
    leases = {
        key: recalls.lent(each.leases, recall.owner_id)
        for key, each in fitting.items()
        if not each.recalled
    }
    return recalls.choose(leases, request.count, recall.deadline, recall.created_at)


def _read_detail(deps: Deps, uuid: str) -> RecallDetail:
    [view] = deps.store.recalls(_EVERYTHING, Query(equal={'uuid': uuid}, limit=1))
    return RecallDetail(view, deps.store.recall_items(uuid))


def _target(found: RecallView) -> dict[str, str | None]:
    return {'recall.project_id': found.recall.owner_id}
