"""`GET /user`: who the bearer of a token is to an application, and whether it may do something there.

This is what PEP proxies ask. Stricter than Keyrock's where that was a way in:

- The audience is always checked: a token is told about to the application it was issued to, and to
  applications that trust that one. A decision must name its application; without that, a proxy
  would take the word of any application's permissions.
- A decision is about one tenant (see `security.permissions`).

Every answer is read from the table, strongly consistent: 1 read each for account, application,
profile, rulebook (per 4 KB), roles and memberships, and 2 for each organisation of the user. What a
user shares with an application are the scopes of the token: `profile` its name, `email` its address,
which is looked up in the user pool only when no decision is asked for.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from city.errors import Unauthenticated
from city.policy import DIRECT_SIGN_IN
from city.tenancy import DEFAULT_TENANT, Tenant
from security.permissions import Permission, permits
from security.store.applications import Application, ApplicationStore
from security.store.assignments import AssignmentStore, Held
from security.store.organisations import Organisation, OrganisationStore
from security.store.roles import RoleStore, Rulebook

if TYPE_CHECKING:
    from security.store.accounts import AccountStore
    from security.store.users import Profile, UserStore
    from security.users import Users


@dataclass(frozen=True, slots=True)
class Bearer:
    """What a verified token says: whose it is, the client it was issued to, what is shared."""

    subject: str
    client: str
    scopes: frozenset[str]

    def shares(self, scope: str) -> bool:
        """Whether the user shares this with the application."""
        return scope in self.scopes or DIRECT_SIGN_IN in self.scopes


@dataclass(frozen=True, slots=True)
class Action:
    """What a decision is asked about."""

    verb: str
    resource: str
    tenant: Tenant = DEFAULT_TENANT


@dataclass(frozen=True, slots=True)
class Role:
    """A role and its name."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Info:
    """Who the bearer is to the application. `decision` is None when none was asked for."""

    application: str
    subject: str
    profile: "Profile | None" = None
    email: str = ""
    roles: tuple[Role, ...] = ()
    organisations: tuple[tuple[Organisation, tuple[Role, ...]], ...] = ()
    trusted: tuple[str, ...] = ()
    decision: bool | None = None


class NotForApplication(Unauthenticated):
    """The token was not issued for the application, nor for one that it trusts."""


class UserInfo:
    """Answers who a bearer is; safe for threads."""

    def __init__(
        self,
        *,
        applications: ApplicationStore,
        roles: RoleStore,
        assignments: AssignmentStore,
        organisations: OrganisationStore,
        profiles: "UserStore",
        accounts: "AccountStore",
        users: "Users",
    ) -> None:
        self._applications = applications
        self._roles = roles
        self._assignments = assignments
        self._organisations = organisations
        self._profiles = profiles
        self._accounts = accounts
        self._users = users

    def about(self, bearer: Bearer, application: str | None, action: Action | None) -> Info:
        """The bearer, to the application (or the one its token was issued to).

        Raises NotForApplication, and Unauthenticated when application or user are not there.
        """
        issued_to = self._application_of(bearer.client)
        wanted = self._audience(issued_to, application)
        trusted = tuple(self._applications.trusted(wanted.id)) if wanted else ()
        id = wanted.id if wanted else issued_to
        if bearer.subject == bearer.client:
            refused = None if action is None else False
            return Info(id, issued_to, trusted=trusted, decision=refused)
        profile = self._profiles.get(bearer.subject)
        if profile is None:
            raise Unauthenticated("the user of the token does not exist")
        held = self._assignments.held(bearer.subject, id)
        book = self._roles.rulebook(id)
        return Info(
            application=id,
            subject=bearer.subject,
            profile=profile,
            email=self._email(bearer) if action is None else "",
            roles=_named(held.own, book),
            organisations=self._through(held, book),
            trusted=trusted,
            decision=None if action is None else decide(held, book, action),
        )

    def _application_of(self, client: str) -> str:
        """The application that a client of the pool belongs to."""
        stored = self._accounts.find(client)
        return (stored and stored.application) or client

    def _audience(self, issued_to: str, application: str | None) -> Application | None:
        """The application that asks, when it may take the token. None only if it is not named and
        the token was issued to a client that is no application of the city's."""
        wanted = self._applications.get(application or issued_to)
        if application is None:
            return wanted
        account = self._accounts.find(application)
        if wanted is None or account is None or not account.account.active:
            raise NotForApplication("Application not found")
        if application != issued_to and not self._applications.trusts(application, issued_to):
            raise NotForApplication("User not authorized in application")
        return wanted

    def _email(self, bearer: Bearer) -> str:
        return self._users.get(bearer.subject).email if bearer.shares("email") else ""

    def _through(
        self, held: Held, book: Rulebook
    ) -> tuple[tuple[Organisation, tuple[Role, ...]], ...]:
        found = ((self._organisations.get(id), roles) for id, roles in held.through.items())
        return tuple((one, _named(roles, book)) for one, roles in found if one and roles)


def decide(held: Held, book: Rulebook, action: Action) -> bool:
    """Whether any role that is held permits the action."""
    permissions: list[Permission] = [
        permission for role in held.all for permission in book.permissions_of(role)
    ]
    return permits(permissions, action.verb, action.resource, action.tenant)


def _named(roles: tuple[str, ...], book: Rulebook) -> tuple[Role, ...]:
    return tuple(Role(id, book.roles[id]) for id in roles if id in book.roles)
