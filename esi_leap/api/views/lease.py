"""Leases as JSON objects."""

from __future__ import annotations

from esi_leap.api.expose import Call
from esi_leap.api.views.pieces import render_reason, render_resource, render_terms, render_time
from esi_leap.core.terms import Notice
from esi_leap.core.views import LeaseView


def render_lease(view: LeaseView, call: Call) -> dict[str, object]:
    """Return the JSON object of a lease."""
    lease = view.lease
    return {
        'uuid': lease.uuid,
        'name': lease.name,
        'project_id': lease.lessee_id,
        'project': view.names.get(lease.lessee_id, ''),
        'owner_id': lease.owner_id,
        'owner': view.names.get(lease.owner_id, ''),
        **render_resource(view.node),
        'start_time': render_time(lease.window.start, call),
        'end_time': render_time(lease.window.end, call),
        'fulfill_time': render_time(lease.fulfill_time, call),
        'expire_time': render_time(lease.expire_time, call),
        'status': lease.status,
        'status_reason': render_reason(lease.reason),
        'properties': lease.properties,
        'purpose': lease.purpose,
        'offer_uuid': lease.offer,
        'contract_uuid': lease.contract,
        'parent_lease_uuid': lease.parent_lease,
        **render_terms(lease.terms),
        'recall': lease.recall and _render_recall(lease.recall, view, call),
    }


def _render_recall(notice: Notice, view: LeaseView, call: Call) -> dict[str, object]:
    return {
        'uuid': notice.recall,
        'deadline': render_time(notice.deadline, call),
        'reason': view.recalled_for,
        'offers': list(view.elsewhere),
    }
