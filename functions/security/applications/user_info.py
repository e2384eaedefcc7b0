"""`GET /user`: who the bearer of a token is to an application, and whether it may do something there.

This is what PEP proxies ask. Stricter than Keyrock's where that was a way in:

- The audience is always checked: a token is told about to the application it was issued to, and to
  applications that trust that one. A decision must name its application; without that, a proxy
  would take the word of any application's permissions.
- A decision is about one tenant (see `security.applications.permissions`).

Every answer is read from the table, strongly consistent, in three calls: who takes part
(`security.store.parties`, up to 5 read units), the rulebook (1 per 4 KB), what the user holds (1 per
4 KB); then at once one for each organisation of the user (1 per 4 KB). What a user shares with an
application are the scopes of the token: `profile` its name, `email` its address, which is looked up
in the user pool only when no decision is asked for.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from city.errors import Unauthenticated
from city.policy import DIRECT_SIGN_IN
from city.tenancy import DEFAULT_TENANT, Tenant
from security.applications.permissions import Permission, permits
from security.oauth.subject_tokens import confirm
from security.store.assignments import AssignmentStore, Held
from security.store.organisations import Organisation
from security.store.parties import Parties, PartyStore
from security.store.roles import RoleStore, Rulebook

if TYPE_CHECKING:
    from city.policy.tokens import Claims
    from security.people.users import Users
    from security.store.users import Profile


@dataclass(frozen=True, slots=True)
class Bearer:
    """What a verified token says: whose it is, the client it was issued to, what is shared.

    `unconfirmed` has its claims when nobody has looked yet whether it was revoked.
    """

    subject: str
    client: str
    scopes: frozenset[str]
    unconfirmed: "Claims | None"

    def shares(self, scope: str) -> bool:
        """Whether the user shares this with the application."""
        return scope in self.scopes or DIRECT_SIGN_IN in self.scopes


@dataclass(frozen=True, slots=True)
class Attempt:
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
        parties: PartyStore,
        roles: RoleStore,
        assignments: AssignmentStore,
        users: "Users",
    ) -> None:
        self._parties = parties
        self._roles = roles
        self._assignments = assignments
        self._users = users

    def about(self, bearer: Bearer, application: str | None, attempt: Attempt | None) -> Info:
        """The bearer, to the application (or the one its token was issued to).

        Raises InvalidToken for a token that was revoked, NotForApplication, and Unauthenticated
        when the user is not there.
        """
        parties = self._parties.read(bearer.client, bearer.subject, application)
        if bearer.unconfirmed is not None:
            confirm(bearer.unconfirmed, parties.accounts)
        book = self._rulebook(parties, application)
        if bearer.subject == bearer.client:
            refused = None if attempt is None else False
            return Info(book.application, parties.issued_to, trusted=book.trusted, decision=refused)
        if parties.profile is None:
            raise Unauthenticated("the user of the token does not exist")
        held = self._assignments.held(bearer.subject, book.application)
        return Info(
            application=book.application,
            subject=bearer.subject,
            profile=parties.profile,
            email=self._email(bearer) if attempt is None else "",
            roles=_named(held.own, book),
            organisations=_through(held, book),
            trusted=book.trusted,
            decision=None if attempt is None else decide(held, book, attempt),
        )

    def _rulebook(self, parties: Parties, application: str | None) -> Rulebook:
        """The rulebook of the application that asks, when it may take the token; of the one that
        the token was issued to, when none is named."""
        if application is None:
            return self._roles.rulebook(parties.issued_to)
        account = parties.accounts.get(application)
        if not parties.knows_asking or account is None or not account.active:
            raise NotForApplication("Application not found")
        book = self._roles.rulebook(application)
        if application != parties.issued_to and parties.issued_to not in book.trusted:
            raise NotForApplication("User not authorized in application")
        return book

    def _email(self, bearer: Bearer) -> str:
        return self._users.get(bearer.subject).email if bearer.shares("email") else ""


def decide(held: Held, book: Rulebook, attempt: Attempt) -> bool:
    """Whether any role that is held permits the attempt."""
    permissions: list[Permission] = [
        permission for role in held.all for permission in book.permissions_of(role)
    ]
    return permits(permissions, attempt.verb, attempt.resource, attempt.tenant)


def _through(held: Held, book: Rulebook) -> tuple[tuple[Organisation, tuple[Role, ...]], ...]:
    """The organisations through which roles are held, as far as they are there."""
    found = ((held.organisations.get(id), roles) for id, roles in held.through.items())
    return tuple((one, _named(roles, book)) for one, roles in found if one and roles)


def _named(roles: tuple[str, ...], book: Rulebook) -> tuple[Role, ...]:
    return tuple(Role(id, book.roles[id]) for id in roles if id in book.roles)
