"""Who asks: the request's context, and the only way to the policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from oslo_context import context

#: Asks the policy: rule, target, credentials.
Judge = Callable[[str, Mapping[str, object], object], bool]


class Context(context.RequestContext):
    """The caller of one request."""

    def __init__(self, *, judge: Judge, **values: Any) -> None:  # noqa: ANN401 - oslo.context's own
        super().__init__(**values)
        self._judge = judge
        self._judged: dict[object, bool] = {}

    @classmethod
    def of(cls, environ: dict[str, Any], judge: Judge) -> Context:
        """Read the context that keystonemiddleware (or noauth) left in the WSGI environment."""
        made: Context = cls.from_environ(environ, judge=judge)
        return made

    @property
    def home_domain(self) -> str | None:
        """The domain that project names are looked up in: that of the caller's project."""
        home: str | None = self.project_domain_id or self.domain_id or self.user_domain_id
        return home

    def can(self, rule: str, target: Mapping[str, str | None] | None = None) -> bool:
        """Ask the policy whether the caller may do `rule` to `target`; once in a request."""
        asked = (rule, frozenset((target or {}).items()))
        if asked not in self._judged:
            known = {**self.to_policy_values(), **(target or {})}
            self._judged[asked] = self._judge(rule, known, self)
        return self._judged[asked]
