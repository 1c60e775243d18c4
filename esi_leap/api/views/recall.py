"""Recalls as JSON objects."""

from __future__ import annotations

from datetime import datetime

from esi_leap.actions.recalls import RecallDetail
from esi_leap.api.expose import Call
from esi_leap.api.views.pieces import render_reason, render_time
from esi_leap.core.recall import ItemStatus, percentile
from esi_leap.core.views import ItemView, RecallView


def render_recall(view: RecallView, call: Call) -> dict[str, object]:
    """Return the JSON object of a recall in a list."""
    recall = view.recall
    return {
        'uuid': recall.uuid,
        'project_id': recall.owner_id,
        'project': view.owner,
        'reason': recall.reason,
        'status': view.status,
        'created_at': render_time(recall.created_at, call),
        'deadline': render_time(recall.deadline, call),
        'counts': {str(each): view.counts.get(each, 0) for each in ItemStatus},
    }


def render_recall_detail(detail: RecallDetail, call: Call) -> dict[str, object]:
    """Return the JSON object of a recall with its nodes and its latencies in seconds."""
    begun = detail.view.recall.created_at
    seconds = [
        (each.item.returned_at - begun).total_seconds()
        for each in detail.items
        if each.item.returned_at is not None
    ]
    return {
        **render_recall(detail.view, call),
        'latency': {'p50': percentile(seconds, 0.5), 'p99': percentile(seconds, 0.99)},
        'nodes': [_render_item(each, begun, call) for each in detail.items],
    }


def _render_item(view: ItemView, begun: datetime, call: Call) -> dict[str, object]:
    item, lease, node = view.item, view.lease, view.node
    back = item.returned_at
    return {
        'resource_type': node.resource_type,
        'resource_uuid': node.resource_uuid,
        'resource': node.name,
        'lease_uuid': item.lease,
        'project_id': lease and lease.lessee_id,
        'project': view.lessee,
        'due': render_time(item.due, call),
        'status': item.status,
        'reason': _reason_to_wait(view) or item.reason,
        'state': node.state,
        'expire_time': lease and render_time(lease.expire_time, call),
        'returned_at': render_time(back, call),
        'latency': None if back is None else (back - begun).total_seconds(),
    }


def _reason_to_wait(view: ItemView) -> str | None:
    """Return why the lease or the node waits; None if the item is not pending."""
    if view.item.status is not ItemStatus.PENDING:
        return None
    lease = view.lease
    return render_reason((lease.reason if lease and lease.blocks else None) or view.node.reason)
