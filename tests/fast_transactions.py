"""Makes moto's transactions cheap: it copies the whole table once for each statement.

The copy serves only to put the table back when a transaction fails. One copy of the containers for
each transaction does that as well; items themselves are copied only where a statement changes them
in place, which Update does and Put and Delete do not.
"""

import copy
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pytest
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table

Statements = list[dict[str, Any]]
_transaction: ContextVar[tuple[Statements, dict[int, Table]] | None] = ContextVar(
    "transaction", default=None
)


@contextmanager
def installed() -> Iterator[None]:
    """Replace the copying inside the block."""
    original = DynamoDBBackend.transact_write_items

    def transact_write_items(self: DynamoDBBackend, transact_items: Statements) -> None:
        token = _transaction.set((transact_items, {}))
        try:
            original(self, transact_items)
        finally:
            _transaction.reset(token)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DynamoDBBackend, "transact_write_items", transact_write_items)
        patch.setattr(Table, "__deepcopy__", _snapshot, raising=False)
        yield


def _snapshot(table: Table, memo: dict[int, Any]) -> Table:
    running = _transaction.get()
    if running is None:
        raise NotImplementedError("tables are copied only inside transactions")
    statements, snapshots = running
    if id(table) not in snapshots:
        snapshots[id(table)] = _containers_of(table, statements)
    return snapshots[id(table)]


def _containers_of(table: Table, statements: Statements) -> Table:
    snapshot = copy.copy(table)
    updated = {
        (key["pk"]["S"], key["sk"]["S"])
        for statement in statements
        for key in [statement.get("Update", {}).get("Key")]
        if key
    }
    items: Any = defaultdict(dict)
    for pk, rows in table.items.items():
        items[pk] = {
            sk: copy.deepcopy(item) if (pk.value, sk.value) in updated else item
            for sk, item in rows.items()
        }
    snapshot.items = items
    if table.stream_shard:
        snapshot.stream_shard = copy.copy(table.stream_shard)
        snapshot.stream_shard.items = list(table.stream_shard.items)
    return snapshot
