"""API keys: credentials for devices and scripts, which their owner makes for himself.

A key may do what its grants say as long as its owner may do it too, and never more: the projection
keeps it so when the owner's rights change. It may be limited to origins, networks and a time, counts
under the plan its owner has, and is shown once; only a hash of its secret is kept.
"""

from dataclasses import dataclass
from ipaddress import ip_network
from urllib.parse import urlsplit

from city.clock import Clock
from city.dynamodb import MAX_TRANSACTION_TRIES, ConditionFailed
from city.errors import Contended, Forbidden, InvalidRequest, NotFound, TooLarge
from city.json import Json
from city.policy import DIRECT_SIGN_IN, Caller
from city.policy.accounts import Account, KeyTerms
from city.policy.credentials import new_key
from city.policy.grant_forms import parse_grant, parse_moment
from city.policy.grants import ANY_TENANT, Grant
from security.audit import Audit
from security.rights.delegation import covered, inherited
from security.store.accounts import AccountStore, StoredAccount
from security.store.keys import KeyStore, ListedKey
from security.store.sources import DIRECT

KIND = "key"
MAX_GRANTS = 30
"""Grants of one key: they are written in one transaction."""
MAX_KEYS = 100
"""Keys of one owner, whose accounts follow every change of his rights."""
MAX_PLACES = 50
"""Origins or networks of one key."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a key is made for: its name, grants and scopes, where it may come from and until when."""

    name: str
    grants: tuple[Grant, ...]
    scopes: frozenset[str]
    origins: frozenset[str] = frozenset()
    networks: tuple[str, ...] = ()
    ends: int | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is listed, with its account."""

    listed: ListedKey
    owner: str
    account: Account


class ApiKeys:
    """Makes, shows, renews and revokes the keys of a caller; an administrator's also others'."""

    def __init__(
        self,
        accounts: AccountStore,
        keys: KeyStore,
        audit: Audit,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._keys = keys
        self._audit = audit
        self._clock = clock

    def create(self, caller: Caller, terms: Terms) -> tuple[ApiKey, str]:
        """Make a key with the caller's own rights; the key and its text, which is not kept.

        Raises Forbidden for grants and scopes that the caller does not have, and for callers that
        are keys themselves.
        """
        self._check_scopes(caller, terms.scopes)
        made = new_key()
        subject = f"{KIND}:{made.key_id}"
        for _ in range(MAX_TRANSACTION_TRIES):
            owner = self._owner(caller)
            if len(self._keys.owned_by(owner.account.subject)) >= MAX_KEYS:
                raise TooLarge(f"a subject may have at most {MAX_KEYS} API keys")
            account = _account(subject, made.secret_hash, terms, owner.account)
            listed = ListedKey(subject, terms.name, self._clock())
            try:
                self._accounts.create_key(account, owner.account, listed)
            except ConditionFailed:
                continue
            self._record(caller, "key:create", subject)
            return ApiKey(listed, owner.account.subject, account), made.text
        raise Contended("your rights are being changed by too many requests at once; try again")

    def page(
        self, caller: Caller, owner: str | None, limit: int, after: str | None
    ) -> tuple[list[ListedKey], str | None]:
        """Keys of the caller, or of another for an administrator of the platform."""
        if owner is None:
            owner = self._owner(caller).account.subject
        elif owner != caller.subject.id:
            caller.access.require_admin(None)
        return self._keys.page(owner, limit, after)

    def get(self, caller: Caller, id: str) -> ApiKey:
        """One key. Raises NotFound, also when it is another's and the caller no administrator."""
        subject = f"{KIND}:{id}"
        stored = self._accounts.find(subject)
        listed = None if stored is None else self._keys.find(stored.owner, subject)
        if stored is None or listed is None or not self._may_see(caller, stored.owner):
            raise NotFound(f"you have no API key {id}")
        return ApiKey(listed, stored.owner, stored.account)

    def rotate(self, caller: Caller, id: str) -> tuple[ApiKey, str]:
        """Give a key a new secret; the one before is refused from now on."""
        found = self.get(caller, id)
        made = new_key(id)
        self._accounts.set_secret(id, made.secret_hash)
        self._record(caller, "key:rotate", found.account.subject)
        return found, made.text

    def revoke(self, caller: Caller, id: str) -> None:
        """Delete a key; it is refused from now on."""
        found = self.get(caller, id)
        self._accounts.delete_key(found.owner, found.account.subject)
        self._record(caller, "key:delete", found.account.subject)

    def _owner(self, caller: Caller) -> StoredAccount:
        """The account whose rights the caller's keys have. Raises Forbidden."""
        if caller.account is None or caller.account.kind in (KIND, "public"):
            raise Forbidden("only users and applications have API keys; sign in as one")
        return self._accounts.principal(caller.subject.id)

    def _may_see(self, caller: Caller, owner: str) -> bool:
        caller_names = {caller.subject.id}
        if caller.account is not None:
            caller_names.add(self._accounts.principal(caller.subject.id).account.subject)
        return owner in caller_names or caller.access.is_admin(None)

    def _check_scopes(self, caller: Caller, scopes: frozenset[str]) -> None:
        for scope in sorted(scopes):
            if scope == DIRECT_SIGN_IN or not caller.subject.holds(scope):
                raise Forbidden(f"scopes: your own credential does not carry {scope}")

    def _record(self, caller: Caller, action: str, subject: str) -> None:
        self._audit.record(
            actor=caller.subject.id, action=action, tenant=ANY_TENANT, target=subject
        )


def parse_terms(name: str, body: dict[str, Json], now: int) -> Terms:
    """Read what a key is to be made for. Raises InvalidRequest naming the member."""
    grants = body.get("grants")
    if not isinstance(grants, list) or not 0 < len(grants) <= MAX_GRANTS:
        raise InvalidRequest(f"grants must be a list of 1 to {MAX_GRANTS} grants")
    parsed = [parse_grant(f"k-{number}", grant, DIRECT) for number, grant in enumerate(grants)]
    scopes = _texts(body, "scopes")
    if not scopes:
        raise InvalidRequest('scopes must name the APIs that the key is for, e.g. "context/read"')
    return Terms(
        name,
        tuple(parsed),
        frozenset(scopes),
        frozenset(map(_origin, _texts(body, "origins"))),
        tuple(map(_network, _texts(body, "networks"))),
        _ends(body, now),
    )


def _account(subject: str, secret_hash: str, terms: Terms, owner: Account) -> Account:
    for grant in terms.grants:
        if not grant.deny and not covered(grant, owner.grants):
            number = grant.id.removeprefix("k-")
            raise Forbidden(f"grants[{number}]: you have no grant of your own that covers it")
    return Account(
        subject,
        KIND,
        active=owner.active,
        grants=(*terms.grants, *inherited(owner.subject, owner.grants)),
        plan=owner.plan,
        key=KeyTerms(secret_hash, terms.origins, terms.networks, terms.ends),
        scopes=terms.scopes,
    )


def _texts(body: dict[str, Json], name: str) -> list[str]:
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > MAX_PLACES:
        raise InvalidRequest(f"{name} must be a list of at most {MAX_PLACES} texts")
    texts = [text for text in value if isinstance(text, str) and 0 < len(text) <= 256]
    if len(texts) < len(value):
        raise InvalidRequest(f"{name} must be a list of texts of 1 to 256 characters")
    return texts


def _origin(text: str) -> str:
    """An origin as browsers send it: scheme, host and port (RFC 6454 §6.2)."""
    try:
        parts = urlsplit(text)
        plain = f"{parts.scheme}://{parts.netloc}"
    except ValueError as error:
        raise InvalidRequest(f"origins: {text} is no origin") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or plain != text.lower():
        raise InvalidRequest(f"origins: {text} is no origin; write https://city.example")
    return plain


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise InvalidRequest(
            f"networks: {text} is no network in CIDR notation, e.g. 192.0.2.0/24"
        ) from error


def _ends(body: dict[str, Json], now: int) -> int | None:
    ends = parse_moment(body, "validUntil")
    if ends is not None and ends <= now:
        raise InvalidRequest("validUntil must be in the future")
    return ends
