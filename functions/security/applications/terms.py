"""What applications may be: which grants, scopes and addresses, and what clients the pool gets.

What OAuth has given up is not offered (RFC 9700 §2.1.2, §2.4): the implicit and hybrid flows and
permanent tokens. Their names are taken, because Keyrock's clients send them, and come to nothing:
an application's `grants` and `token_types` say what is in force.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from city.errors import Forbidden, InvalidRequest
from city.policy import Caller
from security.cognito.clients import ClientTerms, machine_scopes
from security.store.applications import Application

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
    *("context/read", "context/write", "context/subscribe"),
    *("history/read", "history/write", "history/delete"),
)
ADMIN_SCOPES = ("history/admin", "security/admin", "security/decide", "security/profile")
"""Scopes that only administrators of the city may let an application have. Cognito asks nobody for
consent, so an application that may ask for `security/profile` may erase whoever signs in to it."""


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


class Offer:
    """What this city lets applications be; the password grant only if it `takes_passwords`."""

    def __init__(self, *, takes_passwords: bool) -> None:
        self._grants = frozenset(GRANT_TYPES) - (set() if takes_passwords else {PASSWORD})

    def merged(self, present: Application, terms: Terms, caller: Caller) -> Application:
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
        granted = tuple(name for name in GRANT_TYPES if name in asked & self._grants)
        if not set(granted) - {REFRESH}:
            offered = [name for name in GRANT_TYPES if name in self._grants]
            raise InvalidRequest(f"Invalid grant type: one of {', '.join(offered)} is needed")
        return granted


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


def draft(now: int) -> Application:
    return Application(id="", name="", grants=(), scopes=SCOPES, created=now)


def needs_machine(application: Application) -> bool:
    """Whether it acts for itself and signs people in: two clients of the pool."""
    return MACHINE in application.grants and not _is_machine(application)


def _is_machine(application: Application) -> bool:
    """Whether nobody signs in to it."""
    return not {CODE, PASSWORD} & set(application.grants)


def client_terms(application: Application) -> ClientTerms:
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


def machine_terms(application: Application) -> ClientTerms:
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
        raise Forbidden("only administrators of the city let an application use the security API")
    if not machine_scopes(asked):
        raise InvalidRequest("Invalid scope: one beside openid, email and profile is needed")
    return tuple(name for name in (*SCOPES, *ADMIN_SCOPES) if name in asked)
