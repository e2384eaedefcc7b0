"""What an update costs the processor beside the calls to AWS: the client answers from memory."""

import random
import time
from typing import Any

from city import clock
from city.document import Entity, Identity, dump_attributes
from city.tenancy import ROOT
from context.store.entities import EntityStore
from tests.builders import CITY, OpenEntities, attribute, creating, identity, setting


class Memory:
    """The only item of a table that answers at once."""

    item: dict[str, Any]

    def transact_write_items(self, TransactItems: Any) -> None:  # noqa: N803 - the client's name
        self.item = TransactItems[0]["Put"]["Item"]

    def get_item(self, **_: Any) -> dict[str, Any]:
        return {"Item": self.item}

    def put_item(self, Item: Any, **_: Any) -> None:  # noqa: N803
        self.item = Item


def kilobyte(identity: Identity, now: int) -> Entity:
    """An entity whose stored document has 1 KB as JSON."""
    made = creating(temperature=20)(identity, now)
    noise = random.Random(identity.id)
    while len(dump_attributes(made.attributes)) < 960:
        made.attributes[f"attribute{len(made.attributes)}"] = attribute(noise.random(), at=now)
    return made


def test_an_update_of_a_kilobyte_takes_less_than_half_a_millisecond() -> None:
    client: Any = Memory()
    entities = OpenEntities(EntityStore(client, "table"), clock.now)
    entities.create(identity(), kilobyte)
    rounds = []
    for _ in range(10):
        start = time.thread_time()
        for value in range(20):
            entities.update(CITY, "room1", "Room", ROOT, setting(temperature=value))
        rounds.append((time.thread_time() - start) / 20)
    assert min(rounds) < 0.0005
