"""The two wire dialects of QuantumLeap: 1.0.0, which clients know, and what came after it."""

from typing import NamedTuple


class Dialect(NamedTuple):
    """What its answers call an entity's id and type, and whether nothing found is 404 or `[]`."""

    version: str
    id: str
    type: str
    empty_is_error: bool


DIALECTS = {
    "1.0.0": Dialect("1.0.0", "entityId", "entityType", empty_is_error=True),
    "1.0.1": Dialect("1.0.1-dev", "id", "type", empty_is_error=False),
}
"""By the value of the setting QUANTUM_LEAP_DIALECT."""
