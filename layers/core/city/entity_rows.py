"""Entity rows: the document inside, compressed, and in parts when it passes what an item holds.

An entity row has `d` document, `v` version, `c` created, `m` modified (µs), `w` what the write
said, `n` a token of the write; a transient one `expires` (µs) and `exp` (seconds, for TTL). A
document past `MAX_INLINE` is not in `d`: `o` says in how many part rows it is.
"""

import secrets
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from city.clock import SECOND
from city.document import Entity, Write, dump_attributes, parse_attributes
from city.dynamodb import Row
from city.entity_keys import Key, entity_key, identity_of, part_key
from city.errors import TooLarge
from city.json import dump, parse

COMPRESS_ABOVE = 600
"""Bytes of document that leave room in one write unit (1 KB) for the rest of the row."""

MAX_INLINE = 350_000
"""Bytes of compressed document in the entity row; an item may have 400 KB with its keys."""

MAX_PARTS = 5

MAX_DOCUMENT = 4_000_000
"""Bytes of document before compression: what every reader has to hold several times over."""

MAX_WRITE = 50_000
"""Bytes of `w`, compressed; beside the largest `d` and the keys they fit in an item."""

GRACE = 2 * 86_400
"""Seconds that superseded parts stay for those who still read the older version in the stream."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one version: the entity row and the parts of its document, if any."""

    entity: Row
    parts: list[Row]


def rows_of(entity: Entity) -> Rows:
    """The rows to write. Raises TooLarge past `MAX_DOCUMENT`, `MAX_PARTS` or `MAX_WRITE`."""
    text = dump_attributes(entity.attributes)
    if len(text.encode()) > MAX_DOCUMENT:
        raise TooLarge(f"the entity would be too large: more than {MAX_DOCUMENT} bytes")
    document = pack(text)
    row = _head(entity)
    if len(document) <= MAX_INLINE:
        row["d"] = document
        return Rows(row, [])
    parts = [
        _part(entity, number, document[start : start + MAX_INLINE])
        for number, start in enumerate(range(0, len(document), MAX_INLINE))
    ]
    if len(parts) > MAX_PARTS:
        raise TooLarge(
            "the entity would be too large: more than "
            f"{MAX_PARTS * MAX_INLINE} bytes after compression"
        )
    row["o"] = len(parts)
    return Rows(row, parts)


def entity_of(row: Row, load: Callable[[Sequence[Key]], list[Row]]) -> Entity:
    """The entity a row holds; `load` reads part rows by their keys."""
    identity = identity_of(key_of(row))
    version = cast("int", row["v"])
    parts = cast("int", row.get("o", 0))
    if parts:
        found = load([part_key(identity, version, number) for number in range(parts)])
        document: str | bytes = b"".join(cast("bytes", part["d"]) for part in found)
    else:
        document = cast("str | bytes", row["d"])
    return Entity(
        identity=identity,
        attributes=parse_attributes(unpack(document)),
        created=cast("int", row["c"]),
        modified=cast("int", row["m"]),
        version=version,
        expires=cast("int | None", row.get("expires")),
        write=_parse_write(cast("str | bytes", row.get("w", ""))),
        parts=parts,
    )


def pack(text: str) -> str | bytes:
    """Text as a row holds it: plain when short, else compressed."""
    encoded = text.encode()
    return text if len(encoded) <= COMPRESS_ABOVE else zlib.compress(encoded)


def unpack(packed: str | bytes) -> str | bytes:
    """Read what `pack` made."""
    return packed if isinstance(packed, str) else zlib.decompress(packed)


def expiry(expires: int | None) -> Row:
    """The members that make a row expire; empty when it does not."""
    return {} if expires is None else {"expires": expires, "exp": expires // SECOND + 1}


def key_of(row: Row) -> Key:
    """The key of a row that was read."""
    return Key(cast("str", row["pk"]), cast("str", row["sk"]))


def _head(entity: Entity) -> Row:
    row: Row = {
        **entity_key(entity.identity)._asdict(),
        "k": "E",
        "v": entity.version,
        "c": entity.created,
        "m": entity.modified,
        "n": secrets.token_hex(6),
        **expiry(entity.expires),
    }
    if entity.write != Write():
        row["w"] = _dump_write(entity.write)
    return row


def _part(entity: Entity, number: int, content: str | bytes) -> Row:
    row: Row = {
        **part_key(entity.identity, entity.version, number)._asdict(),
        "k": "X",
        "d": content,
    }
    if entity.expires is not None:
        row["exp"] = entity.expires // SECOND + 1 + GRACE
    return row


def _dump_write(write: Write) -> str | bytes:
    said = [write.touched, write.forced, write.correlator]
    packed = pack(dump([*said, write.undated] if write.undated else said))
    if len(packed) > MAX_WRITE:
        raise TooLarge("the request has too many attributes with too long names; send it in parts")
    return packed


def _parse_write(packed: str | bytes) -> Write:
    if not packed:
        return Write()
    touched, forced, correlator, *undated = cast(
        "tuple[list[str], bool, str, *tuple[list[str], ...]]", parse(unpack(packed))
    )
    return Write(tuple(touched), forced, correlator, *map(tuple, undated))
