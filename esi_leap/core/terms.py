"""The terms on which a provider can have a node back before its lease is over.

They are said once, when a node is offered or leased out, and go from the offer to the contract and
the lease that are made of it. Nobody changes them afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

_NONE = timedelta()


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of an offer, a contract or a lease.

    Attributes:
        recall_notice: how long before its new end a recall is told, which then is the only
            way for the provider to end the lease. None: the provider may cancel it at once.
        firm: the provider cannot end it at all.
    """

    recall_notice: timedelta | None = None
    firm: bool = False

    @property
    def binding(self) -> bool:
        """Whether they keep the provider from cancelling at once."""
        return self.firm or self.recall_notice is not None

    @property
    def notice(self) -> timedelta:
        """How much earlier than its new end a recall has to be told."""
        return self.recall_notice or _NONE

    def within(self, others: Terms) -> bool:
        """Tell whether a lessee with the terms `others` can sub-let on these terms."""
        if others.firm or not self.binding:
            return True
        return others.binding and not self.firm and self.notice <= others.notice


@dataclass(frozen=True, slots=True)
class Notice:
    """That a booking ends before its time, because its node is recalled.

    Attributes:
        recall: uuid of the recall.
        deadline: when the booking ends.
        end: when it would have ended.
    """

    recall: str
    deadline: datetime
    end: datetime
