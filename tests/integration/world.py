"""A world of entities for tests of isolation: four tenants with the same ids, types and paths.

The name of each says where it is, and no two tenants share a value.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from city import aws
from tests import oracle
from tests.conftest import create_context_table
from tests.integration.api import Api, api_settings

TENANTS = ("", "a", "ab", "b")
PATHS = ("/", "/a", "/ab", "/a/b", "/b")
TYPES = ("Room", "Car")
IDS = ("x1", "x2")


@dataclass(frozen=True)
class Stored:
    """An entity of the table."""

    place: oracle.Place
    attributes: dict[str, Any]


def _world() -> Iterator[Stored]:
    for tenant_number, tenant in enumerate(TENANTS):
        for number in range(len(PATHS) * len(TYPES) * len(IDS)):
            path = PATHS[number % len(PATHS)]
            type = TYPES[number // len(PATHS) % len(TYPES)]
            id = IDS[number // len(PATHS) // len(TYPES)]
            attributes: dict[str, Any] = {
                "name": f"{tenant}|{path}|{type}|{id}",
                "temperature": tenant_number * 100 + number * 7 % 20,
                "secret": tenant_number * 100 + number * 3 % 10,
            }
            if number % 3:
                attributes["location"] = f"0, {number * 0.005:.3f}"
            yield Stored(oracle.Place(tenant, path, type, id), attributes)


WORLD = tuple(_world())


@contextmanager
def populated() -> Iterator[str]:
    """A table with the whole world in it; gone afterwards."""
    dynamodb = aws.client("dynamodb")
    table = create_context_table(dynamodb)
    api = Api(api_settings(table), dynamodb)
    for stored in WORLD:
        place, kinds = stored.place, {"location": "geo:point"}
        body = {"id": place.id, "type": place.type} | {
            name: {"value": value, "metadata": {"of": {"value": name}}}
            | ({"type": kinds[name]} if name in kinds else {})
            for name, value in stored.attributes.items()
        }
        headers = {"Fiware-Service": place.tenant, "Fiware-ServicePath": place.path}
        assert api.post("/v2/entities", body, headers=headers).status_code == 201
    api.close()
    yield table
    dynamodb.delete_table(TableName=table)
