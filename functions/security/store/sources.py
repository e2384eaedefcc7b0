"""Where the rights of a subject come from: rows that only the security function reads.

| row              | pk                    | sk                           | content                  |
|------------------|-----------------------|------------------------------|--------------------------|
| direct grant     | `subject·{id}`        | `grant·{grant}`              | `id`, `g`: packed grant   |
| role             | `subject·{id}`        | `role·{app}·{role}`          |                          |
| membership       | `subject·{id}`        | `organisation·{org}`         | `role`: member or owner  |
| organisation's   | `organisation·{org}`  | `role·{app}·{role}·{members}`| for members or owners    |
| role's           | `application·{app}`   | `role-permission·{role}·{p}` |                          |
| permission       | `application·{app}`   | `permission·{p}`             | `grants`: packed, a list |

`grants` of a permission are what it lets do with entities (`city.policy.grant_forms.pack`); without the
member it grants nothing there. All reads are strongly consistent. A subject costs 1 read per 4 KB
of its rows, and 1 or more for each organisation and each role.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import cast

from city.dynamodb import Row
from city.keys import key, prefix, split
from city.policy.grant_forms import unpack
from city.policy.grants import Grant
from city.table import Table

DIRECT = "direct"
"""The origin of a grant that was given to the subject itself."""


@dataclass(frozen=True, slots=True)
class Role:
    """A role of an application, and the organisation through which a subject has it."""

    application: str
    role: str
    organisation: str | None = None

    @property
    def origin(self) -> str:
        """What grants that come from it have as their origin."""
        return f"organisation:{self.organisation}" if self.organisation else f"role:{self.role}"

    @property
    def name(self) -> str:
        """The start of the ids of its grants, which no other source of a subject has."""
        through = f"organisation:{self.organisation}:" if self.organisation else ""
        return f"{through}role:{self.role}"


class SourceStore:
    """Reads sources of rights; safe for threads."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def grants(self, subject: str) -> tuple[Grant, ...]:
        """Everything the subject holds now by its sources, whether in force or not."""
        rows = list(self._table.every(key("subject", subject)))
        direct = [stored_grant(row) for row in rows if _kind(row) == "grant"]
        roles = dict.fromkeys(self._roles(rows))
        return (*direct, *(grant for role in roles for grant in self._role_grants(role)))

    def _roles(self, rows: list[Row]) -> Iterator[Role]:
        for row in rows:
            match split(str(row["sk"])):
                case ["role", application, role]:
                    yield Role(application, role)
                case ["organisation", organisation]:
                    yield from self._organisation_roles(organisation, str(row.get("role")))

    def _organisation_roles(self, organisation: str, membership: str) -> Iterator[Role]:
        for row in self._table.every(key("organisation", organisation), prefix("role")):
            _, application, role, members = split(str(row["sk"]))
            if members == membership:
                yield Role(application, role, organisation)

    def _role_grants(self, role: Role) -> Iterator[Grant]:
        partition = key("application", role.application)
        edges = self._table.every(partition, prefix("role-permission", role.role))
        keys = [(partition, key("permission", split(str(edge["sk"]))[2])) for edge in edges]
        for (_, sk), row in sorted(self._table.get_many(keys).items()):
            permission = split(sk)[1]
            packed = cast("list[Mapping[str, object]]", row.get("grants", []))
            for number, grant in enumerate(packed):
                id = f"{role.name}:{permission}:{number}"
                yield replace(unpack(id, cast("Row", grant)), origin=role.origin)


def grant_key(subject: str, grant: str) -> tuple[str, str]:
    """The source row of a direct grant."""
    return key("subject", subject), key("grant", grant)


def stored_grant(row: Row) -> Grant:
    """The grant that a source row or a row of a tenant's listing holds."""
    return unpack(str(row["id"]), cast("Row", row["g"]))


def _kind(row: Row) -> str:
    return split(str(row["sk"]))[0]
