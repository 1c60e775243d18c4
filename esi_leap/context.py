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

    @classmethod
    def of(cls, environ: Mapping[str, Any], judge: Judge) -> Context:
        """Read the context that keystonemiddleware (or noauth) left in the WSGI environment."""
        made: Context = cls.from_environ(environ, judge=judge)
        return made

    @property
    def home_domain(self) -> str | None:
        """The domain that project names are looked up in: that of the caller's project."""
        home: str | None = self.project_domain_id or self.domain_id or self.user_domain_id
        return home

    def can(self, rule: str, target: Mapping[str, str | None] | None = None) -> bool:
        """Ask the policy whether the caller may do `rule` to `target`."""
        return self._judge(rule, {**self.to_policy_values(), **(target or {})}, self)
