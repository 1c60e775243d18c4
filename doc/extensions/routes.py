"""The directive `routes`: the calls of the API, read from its route table.

    .. routes:: /v1/offers

describes the calls of that path, and those of the objects in it. A call of the table that no page
describes is a warning, and the build takes warnings as errors.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from esi_leap import policy
from esi_leap.api import app as api
from esi_leap.api.errors import STATUSES, status_of
from esi_leap.api.expose import ROUTES, VERSIONS, Route
from esi_leap.api.openapi import failures
from esi_leap.api.samples import sample
from esi_leap.core.errors import LeapError
from esi_leap.core.event import TYPES

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

_LOG = logging.getLogger(__name__)
#: Importing the application is what fills the table.
NOUNS = api.NOUNS


def under(prefix: str) -> list[Route]:
    """Return the calls of a path, and those of the objects in it."""
    return [each for each in ROUTES if each.path == prefix or each.path.startswith(f'{prefix}/{{')]


def describe(route: Route) -> Iterator[str]:
    """Describe a call in reStructuredText."""
    title = f'``{route.name}``'
    yield from (title, '~' * len(title), '')
    yield from ((route.handler.__doc__ or '').splitlines()[0], '')
    yield f':Answer: {_answer(route)}'
    yield f':Errors: {", ".join(str(int(each)) for each in failures(route))}'
    if route.public:
        yield ':Token: none is needed'
    if rules := _rules(route):
        yield f':Policy: {rules}'
    yield ''
    if route.query:
        yield from _table('Query parameter', _fields(route.query, ()))
    if route.body is not None:
        properties: Mapping[str, Any] = route.body['properties']
        yield from _table('Field of the body', _fields(properties, route.body['required']))
        fixed = sorted(each for each, schema in properties.items() if _read_only(schema))
        if fixed:
            yield from (f'Refused as read-only: {", ".join(f"``{each}``" for each in fixed)}.', '')
    shown = sample(route)
    if 'body' in shown:
        yield from _json('For example:', shown['body'])
    if 'answer' in shown:
        yield from _json('An answer:', shown['answer'])


def errors() -> Iterator[str]:
    """List every error of the service that has a status, with its code, as a table."""

    def subclasses(kind: type[LeapError]) -> Iterator[type[LeapError]]:
        yield kind
        for each in kind.__subclasses__():
            yield from subclasses(each)

    found = {each for base in STATUSES for each in subclasses(base)}
    rows = sorted((int(status_of(each(''))), each.code, each.__doc__ or '') for each in found)
    yield from ('.. list-table::', '   :header-rows: 1', '')
    yield from ('   * - Status', '     - Code', '     - Meaning')
    for status, code, text in rows:
        meaning = text.splitlines()[0].removesuffix(f' ({status}).').removesuffix('.')
        yield from (f'   * - {status}', f'     - ``{code}``', f'     - {meaning}.')
    yield ''


def events() -> Iterator[str]:
    """List every type of event, as a table."""
    yield from ('.. list-table::', '   :header-rows: 1', '')
    yield from ('   * - ``event_type``', '     - What happened')
    for name, meaning in TYPES.items():
        yield from (f'   * - ``{name}``', f'     - {meaning}')
    yield ''


def _answer(route: Route) -> str:
    """Say the status, and where the versions differ, which has which."""
    statuses = {version: route.outcome(version)[0] for version in VERSIONS}
    if len(set(statuses.values())) == 1:
        return f'{int(route.status)} {route.status.phrase}'
    return ', '.join(
        f'{int(status)} {status.phrase} ({major}.{minor})'
        for (major, minor), status in statuses.items()
    )


def _json(title: str, value: object) -> Iterator[str]:
    yield from (title, '', '.. code-block:: json', '')
    text = json.dumps(value, indent=2, ensure_ascii=False)
    yield from (f'    {line}' for line in text.splitlines())
    yield ''


def _rules(route: Route) -> str:
    wanted = {'method': route.method, 'path': route.path}
    return ', '.join(f'``{rule.name}``' for rule in policy.RULES if wanted in rule.operations)


def _read_only(schema: Mapping[str, Any]) -> bool:
    return 'readOnly' in schema


def _fields(properties: Mapping[str, Any], required: Collection[str]) -> Iterator[tuple[str, str]]:
    for name, schema in properties.items():
        if _read_only(schema):
            continue
        text = schema.get('description', '')
        yield name, f'**Required.** {text}' if name in required else text


def _table(title: str, rows: Iterator[tuple[str, str]]) -> Iterator[str]:
    yield from ('.. list-table::', '   :header-rows: 1', '   :widths: 30 70', '')
    yield from (f'   * - {title}', '     - What it takes')
    for name, text in rows:
        yield from (f'   * - ``{name}``', f'     - {text}')
    yield ''


class Routes(SphinxDirective):
    """Describe calls of the API."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a section for each call."""
        found = under(self.arguments[0])
        if not found:
            raise self.error(f'There is no call under {self.arguments[0]}.')
        _note(self.env)
        described = getattr(self.env, 'esi_leap_described', set())
        self.env.esi_leap_described = described | {each.name for each in found}
        return self.parse_text_to_nodes(
            '\n'.join(line for each in found for line in describe(each)),
            allow_section_headings=True,
        )


class Errors(SphinxDirective):
    """List the errors of the API."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        _note(self.env)
        return self.parse_text_to_nodes('\n'.join(errors()))


class Events(SphinxDirective):
    """List the types of events."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        _note(self.env)
        return self.parse_text_to_nodes('\n'.join(events()))


def _note(env: BuildEnvironment) -> None:
    """Remember to read the page anew at each build: Sphinx does not see the code change."""
    env.esi_leap_pages = {*getattr(env, 'esi_leap_pages', ()), env.docname}


def _pages(app: Sphinx, env: BuildEnvironment, *_: object) -> list[str]:
    del app
    return sorted(getattr(env, 'esi_leap_pages', ()))


def _complete(app: Sphinx, env: BuildEnvironment) -> None:
    del app
    missing = {each.name for each in ROUTES} - getattr(env, 'esi_leap_described', set())
    for each in sorted(missing):
        _LOG.warning('no page describes the call %s', each)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives."""
    app.add_directive('routes', Routes)
    app.add_directive('api-errors', Errors)
    app.add_directive('event-types', Events)
    app.connect('env-get-outdated', _pages)
    app.connect('env-check-consistency', _complete)
    return {'parallel_read_safe': False, 'parallel_write_safe': True}
