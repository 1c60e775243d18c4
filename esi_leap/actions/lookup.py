"""Finding one object by uuid or name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar
from uuid import UUID

from esi_leap.core.errors import AmbiguousNameError
from esi_leap.core.query import Query

_View = TypeVar('_View')

#: Maximum number of objects of one name that are read, and whose uuids an error lists.
_NAMESAKES = 20


class _Identified(Protocol):
    @property
    def uuid(self) -> str: ...


def find_one(
    ident: str,
    read: Callable[[Query], Sequence[_View]],
    value_of: Callable[[_View], _Identified],
    *,
    has_ended: Callable[[_View], bool],
    kind: str,
) -> _View | None:
    """Find an object by uuid, else by name; None if there is none.

    Among objects of one name, those that have ended count only if all have.

    Args:
        ident: uuid or name.
        read: reads the objects that the caller may see.
        value_of: returns the object of a view.
        has_ended: tells whether a view's object has ended.
        kind: kind of object, for the message.

    Raises:
        AmbiguousNameError: several objects have this name; the message lists their uuids.
    """
    found = list(read(Query(equal={'uuid': _normal_uuid(ident)}, limit=1)))
    if not found:
        newest = (('created_at', True),)
        found = list(read(Query(equal={'name': ident}, limit=_NAMESAKES, sort=newest)))
        found = [each for each in found if not has_ended(each)] or found
    if len(found) > 1:
        raise AmbiguousNameError.of(kind, ident, [value_of(each).uuid for each in found])
    return found[0] if found else None


def _normal_uuid(ident: str) -> str:
    """Return a uuid in its usual form; another text as it is."""
    try:
        return str(UUID(ident))
    except ValueError:
        return ident
