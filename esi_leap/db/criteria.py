"""Conditions on properties in SQL: the twin of `core.criteria`."""

from __future__ import annotations

import sqlalchemy as sa

from esi_leap.core.criteria import ORDER, Criterion, Fact, Sign
from esi_leap.db.tables import node_properties, nodes

_text, _number = node_properties.c.text, node_properties.c.number


def holds(criterion: Criterion) -> sa.ColumnElement[bool]:
    """Return the SQL condition for rows of `nodes` that meet `criterion`."""
    return (
        sa.select(node_properties.c.node_id)
        .where(node_properties.c.node_id == nodes.c.id)
        .where(node_properties.c.name == criterion.name)
        .where(_compared(criterion))
        .correlate(nodes)
        .exists()
    )


def _compared(criterion: Criterion) -> sa.ColumnElement[bool]:
    values = criterion.values
    match criterion.sign:
        case Sign.EXISTS:
            return sa.true()
        case Sign.EQUAL | Sign.IN:
            return sa.or_(*map(_equal, values))
        case Sign.UNEQUAL:
            return sa.not_(sa.func.coalesce(_equal(values[0]), sa.false()))
    return ORDER[criterion.sign](_number, values[0].number)  # type: ignore[return-value,arg-type]


def _equal(value: Fact) -> sa.ColumnElement[bool]:
    if value.number is not None:
        return _number == value.number
    return sa.false() if value.text is None else _text == value.text
