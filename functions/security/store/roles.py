"""Roles and permissions of applications, in the security table.

| row             | pk                 | sk                           | content                      |
|-----------------|--------------------|------------------------------|------------------------------|
| permission      | `application·{id}` | `permission·{permission}`    | what it permits (k = Q)      |
| role            | `application·{id}` | `role·{role}`                | `name` (k = R)               |
| role's          | `application·{id}` | `role-permission·{role}·{p}` | it has the permission (k = L)|

A permission has `grants` (packed), what its holders may do with the city's own data, when its
author may give that: the projection reads them. Built-in roles and permissions have no rows. Costs
in request units, for rows of up to 1 KB:

- rulebook: one query, 1 read per 4 KB (about ten permissions or forty roles), with the rows of
  whom the application trusts, which follow (see `security.store.applications`)
- create or change a role or permission: 1 write, with a check of the application 4
- add or remove a permission of a role: a transaction of up to four rows, 8 write
- delete a role or permission: 2 write for each row that names it
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from city.dynamodb import ConditionFailed, Row
from city.json import Json, dump, parse
from city.keys import key, prefix, split
from city.policy.grant_forms import pack
from city.table import IS_NEW, IS_THERE, LAST, MAX_STATEMENTS, Statement, Table
from security.applications.native_grants import native_grant
from security.applications.permissions import (
    BUILT_IN_PERMISSIONS,
    BUILT_IN_ROLES,
    Permission,
    internal,
)
from security.store.applications import LIVES, application_key

PERMISSION_KIND = "Q"
ROLE_KIND = "R"
LINK_KIND = "L"


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The roles and permissions of one application, built-in ones included, and whom it trusts.

    `roles` has names by id, `permissions` permissions by id, `of_role` the ids of permissions that
    a role has, `trusted` the applications whose tokens it accepts.
    """

    application: str
    roles: Mapping[str, str]
    permissions: Mapping[str, Permission]
    of_role: Mapping[str, frozenset[str]]
    trusted: tuple[str, ...] = ()

    def permissions_of(self, role: str) -> list[Permission]:
        """What a role permits, in the order of ids."""
        ids = sorted(self.of_role.get(role, frozenset()))
        return [self.permissions[id] for id in ids if id in self.permissions]

    def roles_with(self, permission: str) -> list[str]:
        """The roles that have a permission."""
        return [role for role, permissions in self.of_role.items() if permission in permissions]


class RoleStore:
    """Rows of roles and permissions; safe for threads.

    Writes raise ConditionFailed when what they need is not there; see each.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def rulebook(self, application: str) -> Rulebook:
        """All roles and permissions of an application, and whom it trusts, strongly consistent."""
        roles: dict[str, str] = {}
        permissions = {id: internal(id) for id in BUILT_IN_PERMISSIONS}
        of_role = {role: set(ids) for role, ids in BUILT_IN_ROLES.items()}
        trusted: list[str] = []
        for row in self._rows(application, key("trusted", LAST)):
            match split(str(row["sk"])):
                case ["permission", id]:
                    permissions[id] = _permission_of(row)
                case ["role", id]:
                    roles[id] = str(row["name"])
                    of_role.setdefault(id, set())
                case ["role-permission", role, id]:
                    of_role.setdefault(role, set()).add(id)
                case ["trusted", id]:
                    trusted.append(id)
        return Rulebook(
            application,
            {"purchaser": "Purchaser", "provider": "Provider"} | roles,
            permissions,
            {
                role: frozenset(ids)
                for role, ids in of_role.items()
                if role in roles or role in BUILT_IN_ROLES
            },
            tuple(trusted),
        )

    def create_role(self, application: str, id: str, name: str) -> None:
        """A new role. Raises ConditionFailed without the application."""
        row: Row = {
            "pk": _partition(application),
            "sk": key("role", id),
            "k": ROLE_KIND,
            "name": name,
        }
        self._add(application, row)

    def rename_role(self, application: str, id: str, name: str) -> None:
        """Another name for a role. Raises ConditionFailed without it."""
        row: Row = {
            "pk": _partition(application),
            "sk": key("role", id),
            "k": ROLE_KIND,
            "name": name,
        }
        self._table.put(row, IS_THERE)

    def create_permission(self, application: str, permission: Permission) -> None:
        """A new permission. Raises ConditionFailed without the application."""
        self._add(application, _permission_row(application, permission))

    def replace_permission(self, application: str, permission: Permission) -> None:
        """A changed permission. Raises ConditionFailed without it."""
        self._table.put(_permission_row(application, permission), IS_THERE)

    def add_permission(self, application: str, role: str, permission: str) -> None:
        """Let a role have a permission. Raises ConditionFailed without either."""
        needed = [
            key(kind, id)
            for kind, id, built_in in (
                ("role", role, role in BUILT_IN_ROLES),
                ("permission", permission, permission in BUILT_IN_PERMISSIONS),
            )
            if not built_in
        ]
        partition = _partition(application)
        link: Row = {"pk": partition, "sk": _link(role, permission), "k": LINK_KIND}
        checks = [self._table.checking(partition, sk, IS_THERE) for sk in needed]
        self._table.transact([*checks, self._table.putting(link)])

    def remove_permission(self, application: str, role: str, permission: str) -> bool:
        """Let a role have it no more; False when it did not."""
        try:
            self._table.delete(_partition(application), _link(role, permission), IS_THERE)
        except ConditionFailed:
            return False
        return True

    def delete_role(self, book: Rulebook, role: str) -> None:
        """Remove a role. Assignments go before."""
        links = [_link(role, permission) for permission in book.of_role.get(role, ())]
        self._delete(book.application, [*links, key("role", role)])

    def delete_permission(self, book: Rulebook, permission: str) -> None:
        """Remove a permission, from the roles that have it first."""
        links = [_link(role, permission) for role in book.roles_with(permission)]
        self._delete(book.application, [*links, key("permission", permission)])

    def delete_all(self, application: str) -> None:
        """Remove every role and permission of an application."""
        rows = self._rows(application, key("role-permission", LAST))
        self._delete(application, [str(row["sk"]) for row in rows])

    def _rows(self, application: str, last: str) -> Iterator[Row]:
        """The rows from the first permission to the sort key `last`."""
        return self._table.every(_partition(application), between=(prefix("permission"), last))

    def _add(self, application: str, row: Row) -> None:
        check = self._table.checking(*application_key(application), LIVES)
        self._table.transact([check, self._table.putting(row, IS_NEW)])

    def _delete(self, application: str, sort_keys: list[str]) -> None:
        partition = _partition(application)
        statements: list[Statement] = [self._table.deleting(partition, sk) for sk in sort_keys]
        for start in range(0, len(statements), MAX_STATEMENTS):
            self._table.transact(statements[start : start + MAX_STATEMENTS])


def _partition(application: str) -> str:
    return key("application", application)


def _link(role: str, permission: str) -> str:
    return key("role-permission", role, permission)


_COLUMNS = {
    "description": "description",
    "action": "verb",
    "resource": "resource",
    "header": "tenant",
    "entity_ids": "ids",
    "entity_types": "types",
    "attributes": "attributes",
}


def _permission_row(application: str, permission: Permission) -> Row:
    row: Row = {
        "pk": _partition(application),
        "sk": key("permission", permission.id),
        "k": PERMISSION_KIND,
        "name": permission.name,
    }
    for field, column in _COLUMNS.items():
        if (value := getattr(permission, field)) is not None:
            row[column] = value
    if permission.is_regex:
        row["regex"] = True
    if permission.grant is not None:
        row["grant"] = dump(permission.grant)
    grant = native_grant(permission) if permission.is_native else None
    if grant is not None:
        row["grants"] = [pack(grant)]
    return row


def _permission_of(row: Row) -> Permission:
    texts = {field: str(row[column]) for field, column in _COLUMNS.items() if column in row}
    grant = parse(str(row["grant"])) if "grant" in row else None
    return Permission(
        id=split(str(row["sk"]))[1],
        name=str(row["name"]),
        is_regex=row.get("regex") is True,
        grant=cast("dict[str, Json] | None", grant),
        is_native="grants" in row,
        **texts,
    )
