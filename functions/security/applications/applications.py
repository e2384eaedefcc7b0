"""Applications: what a city registers so that people can sign in to it or it can act for itself.

An application is three things with one id: a client of the user pool (with the secret, which is
told once, when it is made), an account with its rights, and a record. One that acts for itself
besides signing people in has a second client, its machine, whose account follows the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from city.clock import Clock
from city.dynamodb import ConditionFailed
from city.errors import Contended, Forbidden, InvalidRequest, NotFound
from city.policy import Caller
from city.policy.accounts import Account
from security.applications.permissions import MANAGE_APPLICATION, PROVIDER
from security.applications.roles import require_may_lift
from security.applications.terms import (
    MACHINE,
    Offer,
    Terms,
    client_terms,
    draft,
    machine_terms,
    needs_machine,
)
from security.cognito.clients import AppClients
from security.store.applications import Application, ApplicationStore
from security.store.assignments import UserRole

if TYPE_CHECKING:
    from security.applications.agents import Agents
    from security.applications.assignments import Assignments
    from security.applications.stewards import Stewards
    from security.audit import Audit
    from security.store.accounts import AccountStore
    from security.store.clients import ClientStore
    from security.store.roles import RoleStore

KIND = "application"

MAX_PROVIDED = 20
"""Applications that one who does not administer the city may have: the pool has 1,000 clients."""
MAX_TRIES = 8
"""How often a change starts again because another was faster."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A new application and the secret of its client."""

    application: Application
    secret: str = field(repr=False)


class Applications:
    """The applications of one city; safe for threads."""

    def __init__(
        self,
        *,
        store: ApplicationStore,
        roles: "RoleStore",
        clients: AppClients,
        remembered: "ClientStore",
        accounts: "AccountStore",
        assignments: "Assignments",
        agents: "Agents",
        stewards: "Stewards",
        audit: "Audit",
        clock: Clock,
        offer: Offer,
    ) -> None:
        self._store = store
        self._roles = roles
        self._clients = clients
        self._remembered = remembered
        self._accounts = accounts
        self._assignments = assignments
        self._agents = agents
        self._stewards = stewards
        self._audit = audit
        self._clock = clock
        self._offer = offer

    def create(self, caller: Caller, terms: Terms) -> Registered:
        """Register an application; whoever does so becomes its provider.

        Raises InvalidRequest, or Forbidden for scopes or a number of applications that only
        administrators may have. Nothing is left of one that could not be made whole.
        """
        self._check_number(caller)
        wanted = self._offer.merged(draft(self._clock()), terms, caller)
        main = self._clients.create(client_terms(wanted))
        made = [main.id]
        try:
            if needs_machine(wanted):
                made.append(self._clients.create(machine_terms(wanted)).id)
            application = replace(wanted, id=main.id, machine=made[1] if made[1:] else None)
            self._store.create(application)
            self._equip(application)
        except Exception:
            self._undo(made)
            raise
        self._record(caller, "create", application.id)
        if caller.account is not None and caller.account.kind == "user":
            self._assignments.provide(application.id, UserRole(caller.subject.id, PROVIDER))
        return Registered(application, main.secret)

    def get(self, caller: Caller, id: str) -> Application:
        """An application that the caller has to do with. Raises NotFound or Forbidden."""
        application = self.find(id)
        self._stewards.require_any(caller, id)
        return application

    def find(self, id: str) -> Application:
        """An application, for whoever. Raises NotFound."""
        application = self._store.get(id)
        if application is None or application.is_gone:
            raise NotFound("Application not found")
        return application

    def update(self, caller: Caller, id: str, terms: Terms) -> tuple[Application, Application]:
        """Change an application; what it was and what it is.

        The pool follows the record, so a change that the pool does not take is taken back.
        """
        self._stewards.require(caller, id, MANAGE_APPLICATION)
        for _ in range(MAX_TRIES):
            present = self.find(id)
            changed = self._offer.merged(present, terms, caller)
            if changed == present:
                return present, present
            try:
                written = self._store.replace(self._with_machine(present, changed))
            except ConditionFailed:
                continue
            self._follow(present, written)
            self._record(caller, "update", id)
            return present, written
        raise Contended("the application is being changed by others; try again")

    def delete(self, caller: Caller, id: str) -> None:
        """Remove an application with everything about it.

        Its accounts die first, so that no token of it is worth anything whatever comes after; the
        record goes last, so that a removal that was interrupted can be repeated (by administrators).
        """
        application = self._store.get(id)
        if application is None:
            raise NotFound("Application not found")
        self._stewards.require(caller, id, MANAGE_APPLICATION)
        for permission in self._roles.rulebook(id).permissions.values():
            require_may_lift(caller, permission)
        self._store.close(id)
        self._accounts.delete(id)
        self._agents.delete_all(id)
        self._assignments.drop_all(id)
        self._roles.delete_all(id)
        for client in filter(None, (id, application.machine)):
            self._clients.delete(client)
            self._remembered.forget(client)
        self._store.delete(id)
        self._record(caller, "delete", id)

    def trust(self, caller: Caller, id: str, other: str) -> None:
        """Let an application accept tokens of another. Raises NotFound."""
        self.find(id)
        self._stewards.require(caller, id, MANAGE_APPLICATION)
        if other == id:
            raise InvalidRequest("an application accepts its own tokens anyway")
        try:
            self._store.trust(id, other)
        except ConditionFailed as failure:
            missing = "Application" if 0 in failure.found else "Trusted application"
            raise NotFound(f"{missing} not found") from failure
        self._record(caller, "trust", id, trusted=other)

    def distrust(self, caller: Caller, id: str, other: str) -> None:
        """Let it accept them no more. Raises NotFound."""
        self.find(id)
        self._stewards.require(caller, id, MANAGE_APPLICATION)
        if not self._store.distrust(id, other):
            raise NotFound("Trusted application not found")
        self._record(caller, "distrust", id, trusted=other)

    def trusted(self, caller: Caller, id: str) -> list[str]:
        """The applications whose tokens it accepts."""
        self.find(id)
        self._stewards.require(caller, id, MANAGE_APPLICATION)
        return self._store.trusted(id)

    def list(self, caller: Caller) -> list[Application]:
        """Those the caller has a role in; all for administrators of the city."""
        applications = self._store.every()
        if caller.access.is_admin(None):
            return list(applications)
        own = self._stewards.applications_of(caller)
        return [found for id in sorted(own) if (found := self._store.get(id))]

    def _check_number(self, caller: Caller) -> None:
        if caller.access.is_admin(None):
            return
        if caller.account is None or caller.account.kind != "user":
            raise Forbidden("only users and administrators of the city register applications")
        if self._stewards.provided_by(caller) >= MAX_PROVIDED:
            raise Forbidden(f"you already provide {MAX_PROVIDED} applications")

    def _undo(self, made: Sequence[str]) -> None:
        """Leave nothing of an application whose clients in the pool these are."""
        self._accounts.delete(made[0])
        self._store.delete(made[0])
        for client in made:
            self._clients.delete(client)

    def _equip(self, application: Application) -> None:
        """Give a new application its account, and its machine client one that follows it."""
        self._accounts.create(Account(application.id, KIND))
        if application.machine:
            self._accounts.create(Account(application.machine, KIND), application=application.id)

    def _with_machine(self, present: Application, changed: Application) -> Application:
        """The changed application, with a machine client if it needs one now and has none."""
        if not needs_machine(changed) or present.machine:
            return changed
        machine = self._clients.create(machine_terms(changed)).id
        self._accounts.create(Account(machine, KIND), application=changed.id)
        return replace(changed, machine=machine)

    def _follow(self, present: Application, written: Application) -> None:
        """Let the pool's clients be as the record is; put the record back if it cannot be."""
        try:
            self._clients.update(written.id, client_terms(written))
            if written.machine:
                self._clients.update(written.machine, machine_terms(written))
                self._let_machine(written)
        except Exception:
            self._store.replace(replace(present, version=written.version, machine=written.machine))
            raise
        self._remembered.forget(written.id)

    def _let_machine(self, application: Application) -> None:
        """End the tokens of the machine client when the grant is withdrawn."""
        stored = self._accounts.get(application.id)
        active = stored.account.active and MACHINE in application.grants
        if application.machine:
            self._accounts.set_active(application.machine, active=active)
        if application.machine and not active:
            self._accounts.revoke_tokens(application.machine)

    def _record(self, caller: Caller, what: str, id: str, **detail: str) -> None:
        self._audit.record(
            actor=caller.subject.id,
            action=f"application:{what}",
            tenant="-",
            target=id,
            detail=detail,
        )
