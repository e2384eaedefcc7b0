"""Who may administer an application: those whose roles in it have its built-in permissions.

| permission | lets                                                                    |
|------------|-------------------------------------------------------------------------|
| 2          | change and delete the application, its credentials and whom it trusts   |
| 3          | change its roles and permissions                                        |
| 4          | see and change who has which role, as far as 1, 5 and 6 say:            |
| 1          | … the built-in roles                                                    |
| 5          | … the other roles                                                       |
| 6          | … of the other roles those one has oneself                              |

Any of them lets read. Keyrock's purchasers (permission 5) may give every role to anybody, also to
themselves; here permission 4 is needed as well. And nobody gives a role a built-in permission that
he has not himself. Administrators of the city may do everything.
"""

from city.errors import Forbidden
from city.policy import Caller
from security.applications.permissions import (
    ASSIGN_ALL_ROLES,
    ASSIGN_OWN_ROLES,
    BUILT_IN_PERMISSIONS,
    BUILT_IN_ROLES,
    MANAGE_AUTHORIZATIONS,
    MANAGE_INTERNAL_ROLES,
)
from security.store.assignments import AssignmentStore
from security.store.roles import RoleStore

NOT_ALLOWED = "User not allow to perform the action"


class Stewards:
    """Tells what callers may do to applications. Methods that require raise Forbidden."""

    def __init__(self, roles: RoleStore, assignments: AssignmentStore) -> None:
        self._roles = roles
        self._assignments = assignments

    def powers(self, caller: Caller, application: str) -> frozenset[str]:
        """The built-in permissions that the caller has in an application."""
        if caller.access.is_admin(None):
            return frozenset(BUILT_IN_PERMISSIONS)
        held = self._assignments.held(caller.subject.id, application).all
        if not held:
            return frozenset()
        book = self._roles.rulebook(application)
        permissions = frozenset[str]().union(*(book.of_role.get(role, ()) for role in held))
        return permissions & BUILT_IN_PERMISSIONS.keys()

    def require(self, caller: Caller, application: str, power: str) -> None:
        """Refuse whoever has not the power."""
        if power not in self.powers(caller, application):
            raise Forbidden(NOT_ALLOWED)

    def require_any(self, caller: Caller, application: str) -> None:
        """Refuse whoever has nothing to do with the application."""
        if not self.powers(caller, application):
            raise Forbidden(NOT_ALLOWED)

    def require_may_assign(self, caller: Caller, application: str, role: str) -> None:
        """Refuse whoever may not give or take this role."""
        powers = self.powers(caller, application)
        if MANAGE_AUTHORIZATIONS not in powers or not self._covers(
            caller, application, role, powers
        ):
            raise Forbidden(NOT_ALLOWED)

    def applications_of(self, caller: Caller) -> set[str]:
        """The applications in which the caller has any role."""
        return self._assignments.applications_of(caller.subject.id)

    def provided_by(self, caller: Caller) -> int:
        """How many applications the caller provides."""
        return self._assignments.provided_by(caller.subject.id)

    def _covers(self, caller: Caller, application: str, role: str, powers: frozenset[str]) -> bool:
        if role in BUILT_IN_ROLES:
            return MANAGE_INTERNAL_ROLES in powers
        if ASSIGN_ALL_ROLES in powers:
            return True
        held = self._assignments.held(caller.subject.id, application).all
        return ASSIGN_OWN_ROLES in powers and role in held
