"""The OpenAPI document: valid, complete, served as it is published, and true."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests
from openapi_spec_validator import OpenAPIV31SpecValidator

from esi_leap.api import openapi
from esi_leap.api.expose import ROUTES, VERSIONS
from esi_leap.api.samples import sample

from .world import World

PUBLISHED = Path(__file__).parents[3] / 'doc/source/published/api/openapi.json'


def fetched(world: World, version: tuple[int, int] | None) -> Any:  # noqa: ANN401 - JSON
    headers = {} if version is None else {'OpenStack-API-Version': 'lease {}.{}'.format(*version)}
    answer = requests.get(f'{world.service.url}/v1/openapi.json', headers=headers, timeout=60)
    assert answer.status_code == requests.codes.ok
    assert answer.headers['Content-Type'] == 'application/json'
    return answer.json()


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:  # noqa: ANN401 - JSON
    for path, item in document['paths'].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


@pytest.mark.parametrize('version', VERSIONS)
def test_it_is_valid(world: World, version: tuple[int, int]) -> None:
    OpenAPIV31SpecValidator(fetched(world, version)).validate()


def test_it_describes_the_version_that_is_asked_for(world: World) -> None:
    first, last = fetched(world, VERSIONS[0]), fetched(world, VERSIONS[-1])
    assert fetched(world, None) == first
    assert (first['info']['version'], last['info']['version']) == ('1.0', '1.1')
    moments = [each['components']['schemas']['Moment']['pattern'] for each in (first, last)]
    assert [each.endswith('Z$') for each in moments] == [False, True]
    deletes = [
        {
            status
            for method, _, operation in operations(each)
            if method == 'DELETE'
            for status in operation['responses']
            if status < '300'
        }
        for each in (first, last)
    ]
    assert deletes == [{'200'}, {'204'}]


def test_it_has_every_call_under_a_name_of_its_own() -> None:
    found = list(operations(openapi.document(VERSIONS[-1])))
    assert {(method, path) for method, path, _ in found} == {
        (each.method, each.path) for each in ROUTES
    }
    names = [operation['operationId'] for _, _, operation in found]
    assert len(set(names)) == len(names)


def test_only_public_calls_need_no_token() -> None:
    public = {each.name for each in ROUTES if each.public}
    found = operations(openapi.document(VERSIONS[-1]))
    assert {f'{m} {p}' for m, p, each in found if each.get('security') == []} == public


def test_every_parameter_of_a_path_is_described() -> None:
    for _, path, operation in operations(openapi.document(VERSIONS[-1])):
        named = {each['name'] for each in operation['parameters'] if each.get('in') == 'path'}
        assert all(f'{{{name}}}' in path for name in named)
        assert path.count('{') == len(named)


def test_what_may_be_given_several_times_is_an_array() -> None:
    document = openapi.document(VERSIONS[-1])
    (status,) = (
        each
        for each in document['paths']['/v1/offers']['get']['parameters']
        if each.get('name') == 'status'
    )
    assert status['schema']['type'] == 'array'


def parts(schema: Any) -> Iterator[Any]:  # noqa: ANN401 - JSON
    """Yield a schema, and those in it."""
    yield schema
    inner = [*schema.get('properties', {}).values(), *schema.get('anyOf', ())]
    inner += [schema[word] for word in ('items', 'not') if word in schema]
    for each in inner:
        yield from parts(each)


def test_no_word_of_it_is_our_own() -> None:
    """Schemas use the words of JSON Schema and OpenAPI and no others."""
    known = {
        *jsonschema.Draft202012Validator.VALIDATORS,
        *('title', 'description', 'default', 'deprecated', 'readOnly', 'writeOnly', 'examples'),
    }
    schemas = [*openapi.components(VERSIONS[-1]).values()]
    for route in ROUTES:
        schemas += [route.answer, route.body or {}, *route.query.values()]
    assert {word for schema in schemas for each in parts(schema) for word in each} <= known


def test_the_examples_are_as_the_schemas_say() -> None:
    document = openapi.document(VERSIONS[-1])
    seen = 0
    for _, _, operation in operations(document):
        for each in (operation.get('requestBody', {}), *operation['responses'].values()):
            for media in each.get('content', {}).values():
                if 'example' in media:
                    whole = {**media['schema'], 'components': document['components']}
                    jsonschema.Draft202012Validator(whole).validate(media['example'])
                    seen += 1
    assert seen == sum(len(sample(each)) for each in ROUTES) > 0


def test_the_published_document_is_fresh(kept: Callable[[Path, str], None]) -> None:
    document = openapi.document(VERSIONS[-1])
    kept(PUBLISHED, json.dumps(document, indent=1, ensure_ascii=False) + '\n')
