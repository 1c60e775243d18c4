"""Nodes as JSON objects."""

from __future__ import annotations

from esi_leap.api.expose import Call
from esi_leap.api.views.pieces import render_time
from esi_leap.core.gate import Trial
from esi_leap.core.views import NodeView


def render_node(view: NodeView, call: Call) -> dict[str, object]:
    """Return the JSON object of a node; `offer_uuid` and `lease_uuid` are absent if not set."""
    node, sighting = view.node, view.seen
    booked = {'offer_uuid': view.offer, 'lease_uuid': view.lease}
    return {
        'uuid': node.resource_uuid,
        'name': node.name,
        'owner': view.owner,
        'lessee': view.lessee,
        'resource_type': node.resource_type,
        'resource_class': node.resource_class,
        'properties': node.properties,
        'provision_state': sighting and sighting.provision_state,
        'target_provision_state': sighting and sighting.target_provision_state,
        'power_state': sighting and sighting.power_state,
        'target_power_state': sighting and sighting.target_power_state,
        'maintenance': sighting and str(sighting.maintenance),
        **{key: uuid for key, uuid in booked.items() if uuid is not None},
        'future_offers': list(view.future_offers),
        'future_leases': list(view.future_leases),
        'state': sighting and node.state,
        'reason': view.reason,
        'gate': _render_trial(node.trial, call) if sighting and node.trial else None,
        'refreshed_at': render_time(view.refreshed_at, call),
    }


def _render_trial(trial: Trial, call: Call) -> dict[str, object]:
    return {
        'direction': trial.direction,
        'answer': trial.answer,
        'reason': trial.reason,
        'phase': trial.phase,
        'evidence': trial.evidence,
        'begun_at': render_time(trial.begun_at, call),
        'answered_at': render_time(trial.answered_at, call),
    }
