"""Pieces that the views share."""

from __future__ import annotations

from datetime import datetime

from esi_leap.api.expose import Call
from esi_leap.core.cause import Reason
from esi_leap.core.instant import render
from esi_leap.core.node import Node
from esi_leap.core.terms import Terms


def render_time(moment: datetime | None, call: Call) -> str | None:
    """Return a time as text, in the form of the caller's API version; None for None."""
    return None if moment is None else render(moment, call.suffix)


def render_reason(reason: Reason | None) -> str | None:
    """Return a reason as a sentence; None for None."""
    return None if reason is None else str(reason)


def render_terms(terms: Terms) -> dict[str, object]:
    """Return the fields of lease terms; the recall notice is in seconds."""
    notice = terms.recall_notice
    return {
        'recall_notice': None if notice is None else int(notice.total_seconds()),
        'firm': terms.firm,
    }


def render_resource(node: Node) -> dict[str, object]:
    """Return the fields that an offer and a lease have of their node."""
    return {
        'resource_type': node.resource_type,
        'resource_uuid': node.resource_uuid,
        'resource': node.name,
        'resource_class': node.resource_class,
        'resource_properties': node.properties,
    }
