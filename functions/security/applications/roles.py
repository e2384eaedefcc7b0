"""The roles and permissions of applications.

A permission that means a grant to the city's own data is more than a word to the application: its
holders get that grant. So it is native only if its author administers the tenant it names, and
whoever connects it with a role, or takes it away where it denies, has to administer that tenant
too. Whatever changes, the holders' accounts are compiled anew before the answer.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from city.dynamodb import ConditionFailed
from city.errors import AlreadyExists, CityError, Forbidden, NotFound
from city.policy import Caller
from city.policy.grants import Grant
from security.applications.native_grants import native_grant
from security.applications.permissions import (
    BUILT_IN_PERMISSIONS,
    BUILT_IN_ROLES,
    MANAGE_ROLES,
    Permission,
    check,
)
from security.applications.stewards import NOT_ALLOWED, Stewards
from security.rights.delegation import require_admin, require_may_give, require_may_write
from security.store.roles import RoleStore, Rulebook

if TYPE_CHECKING:
    from security.applications.assignments import Assignments
    from security.audit import Audit

BUILT_IN = "Not allowed"


class Roles:
    """Roles and permissions; safe for threads. Methods raise NotFound and Forbidden."""

    def __init__(
        self,
        store: RoleStore,
        assignments: "Assignments",
        stewards: Stewards,
        audit: "Audit",
    ) -> None:
        self._store = store
        self._assignments = assignments
        self._stewards = stewards
        self._audit = audit

    def book(self, caller: Caller, application: str) -> Rulebook:
        """All roles and permissions of an application, for those who have to do with it."""
        self._stewards.require_any(caller, application)
        return self._store.rulebook(application)

    def create(self, caller: Caller, application: str, name: str, id: str = "") -> str:
        """A new role; its id, which is a new one unless it is given. Raises AlreadyExists."""
        self._stewards.require(caller, application, MANAGE_ROLES)
        id = id or str(uuid4())
        try:
            self._store.create_role(application, id, name)
        except ConditionFailed as failure:
            raise _not_added(failure, "role") from failure
        self._record(caller, "role:create", application, id)
        return id

    def rename(self, caller: Caller, application: str, role: str, name: str) -> bool:
        """Another name for a role; whether it had a different one."""
        book = self._changing_role(caller, application, role)
        if book.roles[role] == name:
            return False
        try:
            self._store.rename_role(application, role, name)
        except ConditionFailed as failure:
            raise NotFound("Role not found") from failure
        self._record(caller, "role:rename", application, role)
        return True

    def delete(self, caller: Caller, application: str, role: str) -> None:
        """Remove a role from everybody who has it, and then itself."""
        book = self._changing_role(caller, application, role)
        for permission in book.permissions_of(role):
            require_may_lift(caller, permission)
        self._assignments.drop_role(application, role)
        self._store.delete_role(book, role)
        self._record(caller, "role:delete", application, role)

    def create_permission(
        self, caller: Caller, application: str, permission: Permission
    ) -> Permission:
        """A new permission, under a new id if it has none, as it is stored.

        Raises InvalidRequest, or AlreadyExists for an id that is taken.
        """
        self._stewards.require(caller, application, MANAGE_ROLES)
        made = _authored(caller, replace(permission, id=permission.id or str(uuid4())))
        try:
            self._store.create_permission(application, made)
        except ConditionFailed as failure:
            raise _not_added(failure, "permission") from failure
        self._record(caller, "permission:create", application, made.id)
        return made

    def change_permission(
        self, caller: Caller, application: str, id: str, **changes: object
    ) -> tuple[Permission, Permission]:
        """Change a permission; what it was and what it is. Raises InvalidRequest."""
        book = self._changing_permission(caller, application, id)
        present = book.permissions[id]
        changed = _authored(caller, replace(present, **changes))  # type: ignore[arg-type]  # fields by name
        if changed == present:
            self._refresh(application, book, id)
            return present, present
        require_may_lift(caller, present)
        self._require_may_grant(caller, application, book.roles_with(id), changed)
        try:
            self._store.replace_permission(application, changed)
        except ConditionFailed as failure:
            raise NotFound("Permission not found") from failure
        self._refresh(application, book, id)
        self._record(caller, "permission:update", application, id)
        return present, changed

    def delete_permission(self, caller: Caller, application: str, id: str) -> None:
        """Remove a permission from the roles that have it, and then itself."""
        book = self._changing_permission(caller, application, id)
        require_may_lift(caller, book.permissions[id])
        self._store.delete_permission(book, id)
        self._refresh(application, book, id)
        self._record(caller, "permission:delete", application, id)

    def add_permission(self, caller: Caller, application: str, role: str, id: str) -> None:
        """Let a role have a permission. One of the built-in ones takes having it oneself."""
        book = self._changing_role(caller, application, role)
        permission = _known_permission(book, id)
        if permission.is_internal and id not in self._stewards.powers(caller, application):
            raise Forbidden(NOT_ALLOWED)
        self._require_may_grant(caller, application, [role], permission)
        try:
            self._store.add_permission(application, role, id)
        except ConditionFailed as failure:
            raise NotFound("Role or permission not found") from failure
        self._assignments.refresh_holders(application, [role])
        self._record(caller, "role:permit", application, role, permission=id)

    def remove_permission(self, caller: Caller, application: str, role: str, id: str) -> None:
        """Let a role have a permission no more.

        Done again, it finishes what was interrupted: whoever has the role loses it in any case.
        """
        book = self._changing_role(caller, application, role)
        require_may_lift(caller, _known_permission(book, id))
        removed = self._store.remove_permission(application, role, id)
        self._assignments.refresh_holders(application, [role])
        if not removed:
            raise NotFound("Assignment not found")
        self._record(caller, "role:forbid", application, role, permission=id)

    def _changing_role(self, caller: Caller, application: str, role: str) -> Rulebook:
        """The rulebook, when the caller may change this role of it."""
        self._stewards.require(caller, application, MANAGE_ROLES)
        book = self._store.rulebook(application)
        if role not in book.roles:
            raise NotFound("Role not found")
        if role in BUILT_IN_ROLES:
            raise Forbidden(BUILT_IN)
        return book

    def _changing_permission(self, caller: Caller, application: str, id: str) -> Rulebook:
        self._stewards.require(caller, application, MANAGE_ROLES)
        book = self._store.rulebook(application)
        _known_permission(book, id)
        if id in BUILT_IN_PERMISSIONS:
            raise Forbidden(BUILT_IN)
        return book

    def _require_may_grant(
        self, caller: Caller, application: str, roles: Iterable[str], permission: Permission
    ) -> None:
        """Refuse a permission that would give holders of the roles what the caller may not."""
        grant, roles = native(permission), list(roles)
        if grant is not None and roles:
            holders = self._assignments.holders(application, roles)
            require_may_give_all(caller, holders, grant)

    def _refresh(self, application: str, book: Rulebook, permission: str) -> None:
        self._assignments.refresh_holders(application, book.roles_with(permission))

    def _record(self, caller: Caller, action: str, application: str, id: str, **more: str) -> None:
        self._audit.record(
            actor=caller.subject.id,
            action=action,
            tenant="-",
            target=id,
            detail={"application": application, **more},
        )


def native(permission: Permission) -> Grant | None:
    """The grant to the city's data that holders of the permission get."""
    return native_grant(permission) if permission.is_native else None


def require_may_lift(caller: Caller, permission: Permission) -> None:
    """Refuse to take a denying permission away to whoever does not administer its tenant."""
    grant = native(permission)
    if grant is not None and grant.deny:
        require_admin(caller, grant.tenant)


def require_may_give_all(caller: Caller, users: Iterable[str], grant: Grant) -> None:
    """Refuse a grant that the caller may not give to all of the users, or to anybody."""
    require_may_write(caller, grant)
    for user in users:
        require_may_give(caller, user, grant)


def _not_added(failure: ConditionFailed, what: str) -> CityError:
    """Why a role or permission could not be added: no application, or one with its id."""
    if 0 in failure.found:
        return NotFound("Application not found")
    return AlreadyExists(f"the application has a {what} with this id")


def _known_permission(book: Rulebook, id: str) -> Permission:
    permission = book.permissions.get(id)
    if permission is None:
        raise NotFound("Permission not found")
    return permission


def _authored(caller: Caller, permission: Permission) -> Permission:
    """The permission, checked, and native as far as its author may grant what it means.

    Raises InvalidRequest, or Forbidden for a `grant` of a tenant he does not administer.
    """
    check(permission)
    grant = native_grant(permission)
    if grant is None:
        return replace(permission, is_native=False)
    if permission.grant is not None:
        require_admin(caller, grant.tenant)
    administers = caller.access.is_admin(None if grant.tenant == "*" else grant.tenant)
    return replace(permission, is_native=administers)
