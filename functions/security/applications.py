"""Applications: what a city registers so that people can sign in to it or it can act for itself.

An application is three things with one id: a client of the user pool (with the secret, which is
told once, when it is made), an account with its rights, and a record. One that acts for itself
besides signing people in has a second client, its machine, whose account follows the first.

What OAuth has given up is not offered (RFC 9700 §2.1.2, §2.4): the implicit and hybrid flows and
permanent tokens. Their names are taken, because Keyrock's clients send them, and come to nothing:
an application's `grants` and `token_types` say what is in force.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from city.clock import Clock
from city.dynamodb import ConditionFailed
from city.errors import Contended, Forbidden, InvalidRequest, NotFound
from city.policy import Caller
from city.policy.accounts import Account
from security.cognito_clients import AppClients, ClientTerms, machine_scopes
from security.permissions import MANAGE_APPLICATION, PROVIDER
from security.store.applications import Application, ApplicationStore
from security.store.assignments import UserRole

if TYPE_CHECKING:
    from security.assignments import Assignments
    from security.audit import Audit
    from security.credentials import Credentials
    from security.stewards import Stewards
    from security.store.accounts import AccountStore
    from security.store.roles import RoleStore

KIND = "application"

CODE = "authorization_code"
REFRESH = "refresh_token"
MACHINE = "client_credentials"
PASSWORD = "password"  # noqa: S105 - the name of a grant type
GRANT_TYPES = (MACHINE, PASSWORD, CODE, REFRESH)
GIVEN_UP = frozenset({"implicit", "hybrid"})

TOKEN_TYPES = ("bearer", "jwt")
GIVEN_UP_TOKENS = frozenset({"permanent"})

SCOPES = (
    *("openid", "email", "profile"),
    *("context/read", "context/write", "context/subscribe", "security/profile"),
)
ADMIN_SCOPES = ("security/admin", "security/decide")
"""Scopes that only administrators of the city may let an application have."""

MAX_PROVIDED = 20
"""Applications that one who does not administer the city may have: the pool has 1,000 clients."""
MAX_TRIES = 8
"""How often a change starts again because another was faster."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is said of an application; None leaves it as it is (or at its default)."""

    name: str | None = None
    description: str | None = None
    url: str | None = None
    redirect_uri: str | None = None
    sign_out_uri: str | None = None
    image: str | None = None
    grants: tuple[str, ...] | None = None
    token_types: tuple[str, ...] | None = None
    scopes: tuple[str, ...] | None = None
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """A new application and the secret of its client."""

    application: Application
    secret: str


class Applications:
    """The applications of one city; safe for threads."""

    def __init__(
        self,
        *,
        store: ApplicationStore,
        roles: "RoleStore",
        clients: AppClients,
        accounts: "AccountStore",
        assignments: "Assignments",
        credentials: "Credentials",
        stewards: "Stewards",
        audit: "Audit",
        clock: Clock,
        takes_passwords: bool,
    ) -> None:
        self._store = store
        self._roles = roles
        self._clients = clients
        self._accounts = accounts
        self._assignments = assignments
        self._credentials = credentials
        self._stewards = stewards
        self._audit = audit
        self._clock = clock
        self._offered = frozenset(GRANT_TYPES) - (set() if takes_passwords else {PASSWORD})

    def create(self, caller: Caller, terms: Terms) -> Registered:
        """Register an application; whoever does so becomes its provider.

        Raises InvalidRequest, or Forbidden for scopes or a number of applications that only
        administrators may have. Nothing is left of one that could not be made whole.
        """
        self._check_number(caller)
        draft = self._merged(_draft(self._clock()), terms, caller)
        main = self._clients.create(_client_terms(draft))
        made = [main.id]
        try:
            if _needs_machine(draft):
                made.append(self._clients.create(_machine_terms(draft)).id)
            application = replace(draft, id=main.id, machine=made[1] if made[1:] else None)
            self._store.create(application)
            self._equip(application)
        except Exception:
            for id in made:
                self._clients.delete(id)
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

        The pool follows the record, so one that the pool refuses is put back.
        """
        self._stewards.require(caller, id, MANAGE_APPLICATION)
        for _ in range(MAX_TRIES):
            present = self.find(id)
            changed = self._merged(present, terms, caller)
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
        self._store.close(id)
        self._accounts.delete(id)
        self._credentials.delete_all(id)
        self._assignments.drop_all(id)
        self._roles.delete_all(id)
        for client in filter(None, (id, application.machine)):
            self._clients.delete(client)
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
        if self._stewards.provided_by(caller) >= MAX_PROVIDED:
            raise Forbidden(f"you already provide {MAX_PROVIDED} applications")

    def _merged(self, present: Application, terms: Terms, caller: Caller) -> Application:
        """The application with what is said of it, checked as a whole."""
        changes = {
            name: value
            for name in (
                "name",
                "description",
                "url",
                "redirect_uri",
                "sign_out_uri",
                "image",
                "alias",
            )
            if (value := getattr(terms, name)) is not None
        }
        merged = replace(present, **changes)
        if terms.grants is not None:
            merged = replace(merged, grants=self._granted(terms.grants))
        if terms.token_types is not None:
            merged = replace(merged, token_types=_token_types(terms.token_types))
        if terms.scopes is not None:
            merged = replace(merged, scopes=_scopes(terms.scopes, caller))
        if not present.id and terms.grants is None:
            merged = replace(merged, grants=self._granted(GRANT_TYPES))
        for name in ("redirect_uri", "redirect_sign_out_uri"):
            _check_address(name, getattr(merged, _ADDRESSES[name]))
        if CODE in merged.grants and not merged.redirect_uri:
            raise InvalidRequest(
                "Missing parameter redirect_uri in body request or empty redirect_uri"
            )
        return merged

    def _granted(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of the grant types that are in force, in one order."""
        asked = set(names)
        if unknown := asked - set(GRANT_TYPES) - GIVEN_UP:
            raise InvalidRequest(f"Invalid grant type: {min(unknown)}")
        granted = tuple(name for name in GRANT_TYPES if name in asked & self._offered)
        if not set(granted) - {REFRESH}:
            offered = [name for name in GRANT_TYPES if name in self._offered]
            raise InvalidRequest(f"Invalid grant type: one of {', '.join(offered)} is needed")
        return granted

    def _equip(self, application: Application) -> None:
        """Give a new application its account, and its machine client one that follows it."""
        self._accounts.create(Account(application.id, KIND))
        if application.machine:
            self._accounts.create(Account(application.machine, KIND), application=application.id)

    def _with_machine(self, present: Application, changed: Application) -> Application:
        """The changed application, with a machine client if it needs one now and has none."""
        if not _needs_machine(changed) or present.machine:
            return changed
        machine = self._clients.create(_machine_terms(changed)).id
        self._accounts.create(Account(machine, KIND), application=changed.id)
        return replace(changed, machine=machine)

    def _follow(self, present: Application, written: Application) -> None:
        """Let the pool's clients be as the record is; put the record back if the pool refuses."""
        try:
            self._clients.update(written.id, _client_terms(written))
            if written.machine:
                self._clients.update(written.machine, _machine_terms(written))
                self._let_machine(written)
        except InvalidRequest:
            self._store.replace(replace(present, version=written.version, machine=written.machine))
            raise

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


_ADDRESSES = {"redirect_uri": "redirect_uri", "redirect_sign_out_uri": "sign_out_uri"}
_PRIVATE_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+")
"""A scheme of an app's own, with a period in it (RFC 8252 §7.1)."""


def _check_address(name: str, address: str | None) -> None:
    """Refuse addresses that codes must not be sent to (RFC 9700 §2.1, §4.1)."""
    if address is None:
        return
    try:
        parts = urlsplit(address)
        port_is_good = parts.port != 0
    except ValueError:
        parts, port_is_good = urlsplit(""), False
    local = parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}
    reachable = (parts.scheme == "https" and parts.hostname) or local
    private = _PRIVATE_SCHEME.fullmatch(parts.scheme)
    if (
        not (reachable or private)
        or not port_is_good
        or not address.isascii()
        or set("#*\\ ") & set(address)
        or "@" in parts.netloc
    ):
        raise InvalidRequest(
            f"{name} must be https, http://localhost, or a scheme of the application's own, "
            "without fragment, wildcard or user"
        )


def _draft(now: int) -> Application:
    return Application(id="", name="", grants=(), scopes=SCOPES, created=now)


def _needs_machine(application: Application) -> bool:
    """Whether it acts for itself and signs people in: two clients of the pool."""
    return MACHINE in application.grants and not _is_machine(application)


def _is_machine(application: Application) -> bool:
    """Whether nobody signs in to it."""
    return not {CODE, PASSWORD} & set(application.grants)


def _client_terms(application: Application) -> ClientTerms:
    """What its client in the pool may do."""
    uris = (application.redirect_uri,) if application.redirect_uri else ()
    sign_out = (application.sign_out_uri,) if application.sign_out_uri else ()
    return ClientTerms(
        name=application.name,
        scopes=application.scopes,
        redirect_uris=uris if CODE in application.grants else (),
        sign_out_uris=sign_out,
        takes_passwords=PASSWORD in application.grants,
        is_machine=_is_machine(application),
    )


def _machine_terms(application: Application) -> ClientTerms:
    """What its machine client may do: get tokens, unless the grant was withdrawn."""
    return ClientTerms(
        name=f"{application.name} (machine)",
        scopes=machine_scopes(application.scopes),
        is_machine=True,
        is_enabled=MACHINE in application.grants,
    )


def _token_types(names: Iterable[str]) -> tuple[str, ...]:
    asked = set(names) | {"bearer"}
    if unknown := asked - set(TOKEN_TYPES) - GIVEN_UP_TOKENS:
        raise InvalidRequest(f"Invalid token type: {min(unknown)}")
    return tuple(name for name in TOKEN_TYPES if name in asked)


def _scopes(names: Iterable[str], caller: Caller) -> tuple[str, ...]:
    asked = set(names)
    if unknown := asked - {*SCOPES, *ADMIN_SCOPES}:
        raise InvalidRequest(f"Invalid scope: {min(unknown)}")
    if asked & {*ADMIN_SCOPES} and not caller.access.is_admin(None):
        raise Forbidden("only administrators of the city let an application administer it")
    if not machine_scopes(asked):
        raise InvalidRequest("Invalid scope: one beside openid, email and profile is needed")
    return tuple(name for name in (*SCOPES, *ADMIN_SCOPES) if name in asked)
