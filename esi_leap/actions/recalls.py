"""Having nodes back before the time for which they were lent is over."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from esi_leap.actions import access, nodes
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
    """What an owner wants back, and by when.

    Attributes:
        nodes: uuids or names; none is all that he has given away.
        resource_class: of that, only nodes of this class.
        count: so many of these.
        deadline: None is `notice` from now, or now.
        project: whose nodes. None is the caller's project; if he is an admin and names nodes of
            somebody else, that one.
    """

    nodes: Sequence[str] = ()
    resource_class: str | None = None
    count: int | None = None
    deadline: datetime | None = None
    notice: timedelta | None = None
    reason: str | None = None
    project: str | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A recall, and how far each of its nodes is."""

    view: RecallView
    items: Sequence[ItemView]


def create(deps: Deps, ctx: Caller, request: NewRecall) -> Shown:
    """Recall nodes that the caller's project (an admin: any) owns or has given away.

    Each node is recalled in a transaction of its own. What is not done when this ends before its
    time, a manager does.

    Raises:
        NodeNotFoundError: one does not exist, or the caller may not know that it does.
        DeniedError: none of them is his.
        NothingToRecallError: he has given none away.
    """
    access.require(ctx, 'esi_leap:recall:create')
    now = deps.now()
    deadline = _deadline(request, now)
    named = [nodes.show(deps, ctx, each).node for each in request.nodes]
    project = _owner(deps, ctx, request, named)
    access.remember(deps, ctx)
    recall = Recall(
        uuid=deps.new_uuid(),
        owner_id=project,
        reason=request.reason,
        deadline=deadline,
        created_at=now,
    )
    given = {each.node.id: each for each in deps.store.given(project)}
    keys = list(_his(named, given, recall) if named else _wanted(given, request, recall))
    if not keys:
        raise NothingToRecallError('There is no such node that the project has given away.')
    deps.store.keep_recall(recall, keys)
    _carry_out_all(deps, recall.uuid, keys)
    return _shown(deps, recall.uuid)


def index(deps: Deps, ctx: Caller, query: Query, *, everyone: bool) -> Sequence[RecallView]:
    """List the recalls of the caller's project, or all of them."""
    access.require(ctx, 'esi_leap:recall:get_all')
    if everyone:
        access.require(ctx, 'esi_leap:recall:recall_admin')
        return deps.store.recalls(_EVERYTHING, query)
    return deps.store.recalls(Scope(project_id=ctx.project_id or ''), query)


def show(deps: Deps, ctx: Caller, ident: str) -> Shown:
    """Show a recall that the caller may see.

    Raises:
        RecallNotFoundError: there is none for him.
    """
    admin = ctx.can('esi_leap:recall:recall_admin')
    scope = _EVERYTHING if admin else Scope(project_id=ctx.project_id or '')
    found = deps.store.recalls(scope, Query(equal={'uuid': ident}, limit=1))
    if not found or not ctx.can('esi_leap:recall:get', _target(found[0])):
        raise RecallNotFoundError.of(ident)
    return Shown(found[0], deps.store.recall_items(found[0].recall.uuid))


def cancel(deps: Deps, ctx: Caller, ident: str) -> None:
    """Cancel a recall: what has not ended yet by it lasts as long as it would have.

    Raises:
        FinalStateError: nothing of it is still to come.
    """
    found = show(deps, ctx, ident).view
    access.require(ctx, 'esi_leap:recall:delete', _target(found))
    if found.status is Status.COMPLETE:
        raise FinalStateError(f'Recall {found.recall.uuid} is complete: nothing is left to cancel.')
    uuid = found.recall.uuid
    _carry_out_all(deps, uuid, deps.store.cancel_recall(uuid, deps.now()))


def carry_out(store: Store, uuid: str, node_id: int, now: datetime) -> None:
    """Do what is still to be done of a recall to one node, under the node's lock.

    It can be repeated: what is done already is left as it is.
    """
    with store.booking(node_id, now) as book:
        here = book.recalls()
        for recall, item in here:
            if recall.uuid != uuid:
                continue
            if recall.cancelled_at is not None:
                cancelled = Note(recall, replace(item, status=ItemStatus.CANCELLED))
                book.put((*recalls.plan_restore(uuid, book.tree(), now), cancelled))
            elif item.status is ItemStatus.REQUESTED:
                others = [each for _, each in here if each.status is ItemStatus.PENDING]
                planned, change = recalls.plan(recall, book.node, book.tree(), others, now)
                book.put((*change, Note(recall, planned)))


def finish(store: Store, now: datetime, patience: timedelta) -> None:
    """Do what requests that have come to a bad end have left of recalls."""
    for uuid, node_id in store.unfinished_recalls(now - patience):
        _try(store, uuid, node_id, now)


def _carry_out_all(deps: Deps, uuid: str, keys: Iterable[int]) -> None:
    for key in keys:
        _try(deps.store, uuid, key, deps.now())


def _try(store: Store, uuid: str, node_id: int, now: datetime) -> None:
    """Do one node; the trouble of one keeps no other from being recalled."""
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
    """Return the project that has the nodes back."""
    project = access.own_project(ctx)
    owners = [each.owner_id for each in named]
    if request.project is not None:
        project = deps.project(request.project, ctx).id
    elif named and project not in owners and ctx.can('esi_leap:recall:recall_admin'):
        project = owners[0]
    if project != ctx.project_id:
        access.require(ctx, 'esi_leap:recall:recall_admin')
    return project


def _his(named: Sequence[Node], given: Mapping[int, Given], recall: Recall) -> Iterable[int]:
    """Return the keys of nodes, one of which at least the project may recall."""
    if not any(each.owner_id == recall.owner_id or each.id in given for each in named):
        raise DeniedError(f'Access was denied to node {named[0].name}.')
    return dict.fromkeys(each.id for each in named)


def _wanted(given: Mapping[int, Given], request: NewRecall, recall: Recall) -> Iterable[int]:
    """Return the keys of the nodes that are to be recalled, none of which has a name."""
    wanted = request.resource_class
    fit = {
        key: each
        for key, each in given.items()
        if wanted is None or each.node.resource_class == wanted
    }
    if request.count is None:
        return fit
    leases = {
        key: recalls.lent(each.leases, recall.owner_id)
        for key, each in fit.items()
        if not each.recalled
    }
    return recalls.choose(leases, request.count, recall.deadline, recall.created_at)


def _shown(deps: Deps, uuid: str) -> Shown:
    [view] = deps.store.recalls(_EVERYTHING, Query(equal={'uuid': uuid}, limit=1))
    return Shown(view, deps.store.recall_items(uuid))


def _target(found: RecallView) -> dict[str, str | None]:
    return {'recall.project_id': found.recall.owner_id}
