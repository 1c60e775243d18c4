"""Contracts as JSON objects."""

from __future__ import annotations

from esi_leap.api.expose import Call
from esi_leap.api.views.pieces import render_terms, render_time
from esi_leap.core.views import ContractView


def render_contract(view: ContractView, call: Call) -> dict[str, object]:
    """Return the JSON object of a contract."""
    contract = view.contract
    return {
        'uuid': contract.uuid,
        'name': contract.name,
        'project_id': contract.lessee_id,
        'project': view.names.get(contract.lessee_id, ''),
        'owner_id': contract.owner_id,
        'owner': view.names.get(contract.owner_id, ''),
        'offer_uuid': contract.offer,
        'start_time': render_time(contract.window.start, call),
        'end_time': render_time(contract.window.end, call),
        'status': view.status,
        'leases': list(view.leases),
        **render_terms(contract.terms),
    }
