"""Who may do what: every request is refused unless a rule of its API lets it through.

An API gives one table from (method, route template) to the `Operation` that route is. A route
without a rule is forbidden to everybody, so a forgotten rule cannot open a door. Then:

1. The caller is who its one credential says: a verified access token or an API key. One that is
   not valid is refused, never taken for none; without any the caller is the public.
2. The accounts of the caller, of the client it uses and of the public are read (at most one call).
   Inactive ones and revoked tokens are refused as invalid.
3. The scope of the operation must be among those of the credential. The public may use open
   operations, and those marked `public` when it has grants.
4. The request is counted against the plan of the caller.

What the caller may do with which data is `Caller.access`; routes narrow what they read by it and
check what they write.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

from city.clock import SECOND, Clock, now
from city.errors import Forbidden, Unauthenticated
from city.policy.accounts import Account, Accounts, everybodys
from city.policy.credentials import Headers, is_honoured, key_subject, parse_key, presented
from city.policy.grants import PUBLIC_ID, UNLIMITED, Access, Grant
from city.policy.keys import SigningKeys, fetch_from
from city.policy.quotas import Quotas
from city.policy.tokens import Claims, InvalidToken, TokenVerifier

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from city.settings import AccessSettings

DIRECT_SIGN_IN = "aws.cognito.signin.user.admin"
"""The scope Cognito gives to users who sign in by SRP or password themselves, not through an
application: nothing is delegated, so it stands for every scope. No application may ask for it."""


class Operation(NamedTuple):
    """What a route does: `action` names it, `scope` is what a credential needs; None is open to
    all. `is_public`: callers without a credential may pass when the public has grants, and see what
    these show. `takes_client`: the route itself authenticates an OAuth client, which may do so by
    `Authorization: Basic` (RFC 6749 §2.3.1).
    """

    action: str
    scope: str | None
    is_public: bool = False
    takes_client: bool = False


class MissingScope(Forbidden):
    """The credential of `subject` is good but does not carry the scope of the operation."""

    def __init__(self, scope: str, subject: "Subject | None" = None) -> None:
        super().__init__(f"the access token does not carry the scope {scope}")
        self.scope = scope
        self.subject = subject


@dataclass(frozen=True, slots=True)
class Subject:
    """Who asks. `id` is the token's subject, `key:<id>` of an API key, or "public".

    `client` is the application that the token was issued to; `session` and `token_id` name the
    sign-in and the token, for revocation.
    """

    id: str
    client: str = ""
    scopes: frozenset[str] = frozenset()
    session: str = ""
    token_id: str = ""

    def holds(self, scope: str) -> bool:
        """Whether the credential carries the scope."""
        return scope in self.scopes or DIRECT_SIGN_IN in self.scopes


PUBLIC = Subject(PUBLIC_ID)


@dataclass(frozen=True, slots=True)
class Caller:
    """A subject with what it may do now, and its account, if it has one."""

    subject: Subject
    access: Access
    account: Account | None = None


Rules = Mapping[tuple[str, str], Operation]
"""The operation of each route, by method and route template."""
Find = Callable[[Iterable[str]], Mapping[str, Account]]


def merged(tables: Iterable[Rules]) -> dict[tuple[str, str], Operation]:
    """One table of all rules. Raises ValueError for an operation that has two."""
    rules: dict[tuple[str, str], Operation] = {}
    for table in tables:
        if twice := rules.keys() & table.keys():
            raise ValueError(f"two rules for {sorted(twice)}")
        rules |= table
    return rules


class _Identity(NamedTuple):
    subject: Subject
    account: Account | None
    public: Account | None


class Policy:
    """Decides one request at a time from the rules of an API, the credential and the accounts.

    `verify` gives the claims of a token, `find` accounts by subject id, and `spend` counts a
    request of an account. With `public_access` everybody may do everything (sandbox only).
    """

    def __init__(
        self,
        rules: Rules,
        verify: Callable[[str], Claims],
        find: Find,
        spend: Callable[[Account], None],
        *,
        public_access: bool = False,
        clock: Clock = now,
    ) -> None:
        self._rules = rules
        self._verify = verify
        self._find = find
        self._spend = spend
        self._public_access = public_access
        self._clock = clock
        self._shared: tuple[Account | None, tuple[Grant, ...]] = (None, ())

    @classmethod
    def of(cls, rules: Rules, settings: "AccessSettings", client: "DynamoDBClient") -> Self:
        """The policy of a function: its rules, its settings and the client of DynamoDB."""
        keys = SigningKeys(fetch_from(settings.token_jwks_url))
        return cls(
            rules,
            TokenVerifier(settings.token_issuer, keys).verify,
            Accounts(client, settings.security_table, settings.grant_seconds).find,
            Quotas(client, settings.security_table).spend,
            public_access=settings.public_access,
        )

    def authorise(self, method: str, route: str, headers: Headers, address: str = "") -> Caller:
        """The caller, when it may do this; `address` is the IP address it calls from.

        Raises Unauthenticated (401), Forbidden (403), QuotaExceeded (429) or Unavailable (503).
        """
        operation = self._rules.get((method, route))
        if operation is None:
            raise Forbidden("no rule allows this operation")
        token, key = presented(headers, takes_client=operation.takes_client)
        if token is not None:
            identity = self._by_token(self._verify(token))
        elif key is not None:
            identity = self._by_key(key, headers.getlist("origin"), address)
        elif self._public_access or operation.scope is None:
            identity = _Identity(PUBLIC, None, None)
        else:
            identity = self._by_nothing(operation)
        if self._public_access:
            return Caller(identity.subject, UNLIMITED, identity.account)
        return self._admit(identity, operation)

    def _admit(self, identity: _Identity, operation: Operation) -> Caller:
        subject, account, _ = identity
        scope = operation.scope
        if scope is not None and subject is not PUBLIC and not subject.holds(scope):
            raise MissingScope(scope, subject)
        if account is not None:
            self._spend(account)
        return Caller(subject, self._access(identity), account)

    def _by_token(self, claims: Claims) -> _Identity:
        accounts = self._find((claims.subject, claims.client, PUBLIC_ID))
        client, account = accounts.get(claims.client), accounts.get(claims.subject)
        if client is None or not honours(client, claims):
            raise InvalidToken
        if account is not None and not honours(account, claims):
            raise InvalidToken
        subject = Subject(claims.subject, claims.client, claims.scopes, claims.session, claims.id)
        return _Identity(subject, account, accounts.get(PUBLIC_ID))

    def _by_key(self, text: str, origins: list[str], address: str) -> _Identity:
        key_id, secret = parse_key(text)
        id = key_subject(key_id)
        accounts = self._find((id, PUBLIC_ID))
        account = accounts.get(id)
        if account is None or account.key is None or not account.active:
            raise InvalidToken
        if account.is_ended_key(self._clock()):
            raise InvalidToken
        if not is_honoured(account.key, secret, origins, address, self._clock()):
            raise InvalidToken
        return _Identity(Subject(id, scopes=account.scopes), account, accounts.get(PUBLIC_ID))

    def _by_nothing(self, operation: Operation) -> _Identity:
        if operation.is_public:
            public = self._find((PUBLIC_ID,)).get(PUBLIC_ID)
            if public is not None and public.active and public.grants:
                return _Identity(PUBLIC, public, public)
        raise Unauthenticated("this operation needs an access token")

    def _access(self, identity: _Identity) -> Access:
        subject, account, public = identity
        own = account.grants if account is not None and subject is not PUBLIC else ()
        return Access(subject.id, own + self._grants_of(public), self._clock())

    def _grants_of(self, public: Account | None) -> tuple[Grant, ...]:
        """What everybody has; made once for each version of the public's account."""
        if self._shared[0] is not public:
            self._shared = (public, everybodys(public))
        return self._shared[1]


def honours(account: Account, claims: Claims) -> bool:
    """Whether the account is active and has not revoked the token.

    A token says when it was issued in whole seconds, so one of the same second as a revocation is
    taken for an older one.
    """
    return (
        account.active
        and claims.issued * SECOND >= account.revoked_before
        and claims.id not in account.revoked
        and claims.session not in account.revoked
    )
