"""Who has which role of an application: users, and members or owners of organisations.

Whoever gives a role with grants to the city's own data gives these grants: he has to administer
their tenants and, for himself, to have them already. The accounts of all whom a change reaches are
compiled anew before the answer, so access changes at once.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from city.dynamodb import ConditionFailed
from city.errors import NotFound
from city.policy import Caller
from city.policy.grants import Grant
from security.applications.permissions import MANAGE_AUTHORIZATIONS
from security.applications.roles import native, require_may_give_all
from security.applications.stewards import Stewards
from security.rights.delegation import require_may_take
from security.store.assignments import Assignment, AssignmentStore, OrganisationRole, UserRole

if TYPE_CHECKING:
    from security.audit import Audit
    from security.rights.projection import Projection
    from security.store.roles import RoleStore


class Assignments:
    """Assignments of roles; safe for threads. Methods raise NotFound and Forbidden."""

    def __init__(
        self,
        store: AssignmentStore,
        roles: "RoleStore",
        projection: "Projection",
        stewards: Stewards,
        audit: "Audit",
    ) -> None:
        self._store = store
        self._roles = roles
        self._projection = projection
        self._stewards = stewards
        self._audit = audit

    def of_users(self, caller: Caller, application: str) -> list[UserRole]:
        """Every assignment to a user."""
        self._stewards.require(caller, application, MANAGE_AUTHORIZATIONS)
        return self._store.of_users(application)

    def of_organisations(self, caller: Caller, application: str) -> list[OrganisationRole]:
        """Every assignment to an organisation."""
        self._stewards.require(caller, application, MANAGE_AUTHORIZATIONS)
        return self._store.of_organisations(application)

    def assign(self, caller: Caller, application: str, assignment: Assignment) -> None:
        """Give a role; nothing changes when it was given before."""
        self._check_role(application, assignment.role)
        self._stewards.require_may_assign(caller, application, assignment.role)
        reached = self._store.holders([assignment])
        for grant in self._grants(application, assignment.role):
            require_may_give_all(caller, reached, grant)
        self._give(application, assignment)
        self._record(caller, "role:assign", application, assignment)

    def unassign(self, caller: Caller, application: str, assignment: Assignment) -> None:
        """Take a role away. Done again, it finishes what was interrupted."""
        self._check_role(application, assignment.role)
        self._stewards.require_may_assign(caller, application, assignment.role)
        reached = self._store.holders([assignment])
        for grant in self._grants(application, assignment.role):
            for user in reached if grant.deny else ():
                require_may_take(caller, user, grant)
        taken = self._store.unassign(application, assignment)
        self._projection.refresh_all(reached)
        if not taken:
            raise NotFound("Assignment not found")
        self._record(caller, "role:unassign", application, assignment)

    def provide(self, application: str, assignment: UserRole) -> None:
        """Make the one who registered an application its provider, whoever may assign there."""
        self._give(application, assignment)

    def drop_role(self, application: str, role: str) -> None:
        """Take a role away from everybody who has it."""
        self._drop(application, [one for one in self._all(application) if one.role == role])

    def drop_all(self, application: str) -> None:
        """Take every role of an application away from everybody."""
        self._drop(application, self._all(application))

    def holders(self, application: str, roles: Iterable[str]) -> set[str]:
        """The users who have one of the roles, also through an organisation."""
        wanted = set(roles)
        return self._store.holders(one for one in self._all(application) if one.role in wanted)

    def refresh_holders(self, application: str, roles: Iterable[str]) -> None:
        """Compile the accounts of all who have one of the roles anew."""
        self._projection.refresh_all(self.holders(application, roles))

    def _all(self, application: str) -> list[Assignment]:
        return [*self._store.of_users(application), *self._store.of_organisations(application)]

    def _give(self, application: str, assignment: Assignment) -> None:
        try:
            self._store.assign(application, assignment)
        except ConditionFailed as failure:
            if 0 not in failure.found:
                raise NotFound("Role not found") from failure
            holder = "User" if isinstance(assignment, UserRole) else "Organization"
            raise NotFound(f"{holder} not found") from failure
        self._projection.refresh_all(self._store.holders([assignment]))

    def _drop(self, application: str, assignments: list[Assignment]) -> None:
        reached = self._store.holders(assignments)
        self._store.drop(application, assignments)
        self._projection.refresh_all(reached)

    def _check_role(self, application: str, role: str) -> None:
        if role not in self._roles.rulebook(application).roles:
            raise NotFound("Role not found")

    def _grants(self, application: str, role: str) -> list[Grant]:
        permissions = self._roles.rulebook(application).permissions_of(role)
        return [grant for one in permissions if (grant := native(one)) is not None]

    def _record(
        self, caller: Caller, action: str, application: str, assignment: Assignment
    ) -> None:
        holder = assignment[0]
        self._audit.record(
            actor=caller.subject.id,
            action=action,
            tenant="-",
            target=holder,
            detail={"application": application, "role": assignment.role},
        )
