"""The context of a request: its caller, and the only way to the policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from oslo_context import context

#: Asks the policy: (rule, target, credentials) to whether it allows.
Judge = Callable[[str, Mapping[str, object], context.RequestContext], bool]


class Context(context.RequestContext):
    """The caller of one request; see `core.ports.caller.Caller`.

    Args:
        judge: asks the policy.
        values: arguments of `oslo_context.context.RequestContext`.
    """

    def __init__(self, *, judge: Judge, **values: Any) -> None:  # noqa: ANN401 - oslo.context's own
        super().__init__(**values)
        self._judge = judge
        self._judged: dict[object, bool] = {}

    @classmethod
    def of(cls, environ: dict[str, Any], judge: Judge) -> Context:
        """Return the context that keystonemiddleware (or noauth) left in the WSGI environment."""
        return cls.from_environ(environ, judge=judge)

    @property
    def home_domain(self) -> str | None:
        """The domain that project names are looked up in: that of the caller's project."""
        home: str | None = self.project_domain_id or self.domain_id or self.user_domain_id
        return home

    def can(self, rule: str, target: Mapping[str, str | None] | None = None) -> bool:
        """Tell whether the policy lets the caller do `rule` to `target`; cached for the request."""
        asked = (rule, frozenset((target or {}).items()))
        if asked not in self._judged:
            known = {**self.to_policy_values(), **(target or {})}
            self._judged[asked] = self._judge(rule, known, self)
        return self._judged[asked]
