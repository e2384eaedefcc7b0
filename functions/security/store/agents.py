"""Credentials of PEP proxies and IoT agents, in the security table.

| row        | pk                 | sk            | content                                   |
|------------|--------------------|---------------|-------------------------------------------|
| PEP proxy  | `application·{id}` | `pep`         | `id` of the only one (k = I)              |
| IoT agent  | `application·{id}` | `iot·{agent}` |                                           |
| credential | `subject·{agent}`  | `credential`  | `application`, `kind`, `hash`: see there  |

What lists them holds no hash. Costs in request units: add 6 write (one transaction with a check),
new password 1, remove 4; the proxy or one agent 1 read, all agents 1 read per 4 KB (about fifty).
"""

from dataclasses import dataclass, field
from enum import StrEnum

from city.dynamodb import ConditionFailed, Row
from city.keys import key, prefix, split
from city.table import IS_NEW, IS_THERE, Change, Table
from security.store.applications import LIVES, application_key

AGENT_KIND = "I"
CREDENTIAL = "credential"


class AgentKind(StrEnum):
    """What authenticates with an id and a password of the city's."""

    PEP = "pep"
    IOT = "iot"


@dataclass(frozen=True, slots=True)
class Agent:
    """A PEP proxy or IoT agent of an application; `hash` is of its password."""

    id: str
    application: str
    kind: AgentKind
    hash: str = field(default="", repr=False)


class AgentStore:
    """Rows of agents; safe for threads."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, agent: Agent) -> None:
        """A new agent. Raises ConditionFailed at 0 without the application, at 1 with a proxy."""
        pk, sk = _place(agent.application, agent.id, agent.kind)
        place: Row = {"pk": pk, "sk": sk, "k": AGENT_KIND, "id": agent.id}
        credential: Row = {
            "pk": key("subject", agent.id),
            "sk": CREDENTIAL,
            "k": AGENT_KIND,
            "application": agent.application,
            "kind": agent.kind.value,
            "hash": agent.hash,
        }
        self._table.transact(
            [
                self._table.checking(*application_key(agent.application), LIVES),
                self._table.putting(place, IS_NEW),
                self._table.putting(credential, IS_NEW),
            ]
        )

    def find(self, id: str) -> Agent | None:
        """An agent by its id, strongly consistent."""
        row = self._table.get(key("subject", id), CREDENTIAL)
        if row is None:
            return None
        kind = AgentKind(str(row["kind"]))
        return Agent(id, str(row["application"]), kind, str(row["hash"]))

    def has(self, application: str, id: str, kind: AgentKind) -> bool:
        """Whether the application has this agent, strongly consistent."""
        row = self._table.get(*_place(application, id, kind))
        return row is not None and row["id"] == id

    def proxy(self, application: str) -> str | None:
        """The id of the application's PEP proxy."""
        row = self._table.get(key("application", application), AgentKind.PEP.value)
        return None if row is None else str(row["id"])

    def agents(self, application: str) -> list[str]:
        """The ids of the application's IoT agents."""
        rows = self._table.every(key("application", application), prefix("iot"))
        return [split(str(row["sk"]))[1] for row in rows]

    def set_hash(self, id: str, digest: str) -> None:
        """Another password. Raises ConditionFailed without the agent."""
        change = Change("SET #hash = :hash", {":hash": digest}, {"#hash": "hash"})
        self._table.update(key("subject", id), CREDENTIAL, change, IS_THERE)

    def remove(self, agent: Agent) -> bool:
        """Remove an agent; False when it is gone."""
        try:
            self._table.transact(
                [
                    self._table.deleting(
                        *_place(agent.application, agent.id, agent.kind), IS_THERE
                    ),
                    self._table.deleting(key("subject", agent.id), CREDENTIAL),
                ]
            )
        except ConditionFailed:
            return False
        return True


def _place(application: str, id: str, kind: AgentKind) -> tuple[str, str]:
    sort_key = key("iot", id) if kind is AgentKind.IOT else AgentKind.PEP.value
    return key("application", application), sort_key
