"""OAuth clients and their authentication, which no branch of any endpoint goes without.

A client is an app client of the user pool. Whoever names one that the city does not know, or sends
wrong secrets, costs reads of the table and no call to Cognito, whose quota for describing clients
(5 a second) all share: what it said is remembered for every process (`security.store.clients`).
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from hmac import compare_digest
from threading import Lock
from typing import NamedTuple

from city.clock import SECOND, Clock
from city.errors import Unavailable
from city.policy.credentials import hash_of
from security.cognito.clients import PoolClient
from security.cognito.endpoints import ClientKey
from security.oauth.forms import Credentials
from security.oauth.refusals import invalid_client
from security.store.accounts import AccountStore
from security.store.clients import ClientStore, KnownClient

MAX_AGE = 300 * SECOND
"""How long what Cognito says of a client is believed; a change made here counts at once."""
MIN_AGE = 60 * SECOND
"""How soon it is asked again because a secret does not fit: it may have been changed."""
MAX_SECRET_AGE = 3600 * SECOND
MAX_CACHED = 256
"""How long, and for how many clients, a process keeps secrets that it presents itself."""

APPLICATION = "application"
"""The kind of accounts that clients have."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client of the pool that the city knows.

    `key` is what it presents to Cognito; without its secret unless it was authenticated. `twin` is
    the client that gets tokens by client credentials in its place: Cognito lets no client have that
    flow beside another.
    """

    known: KnownClient
    key: ClientKey
    twin: str = ""

    @property
    def has_login_page(self) -> bool:
        """Whether people sign in to it at the login page, and not only by password."""
        return bool(self.known.redirect_uris)

    def owns(self, client_id: str) -> bool:
        """Whether tokens with this `client_id` were issued to it."""
        return client_id in {self.known.id, self.twin} - {""}


class _Secret(NamedTuple):
    read: int
    key: ClientKey


class Clients:
    """The city's clients: app clients of the pool that have an account."""

    def __init__(
        self,
        describe: Callable[[str], PoolClient | None],
        remembered: ClientStore,
        accounts: AccountStore,
        clock: Clock,
    ) -> None:
        self._describe = describe
        self._remembered = remembered
        self._accounts = accounts
        self._clock = clock
        self._secrets: OrderedDict[str, _Secret] = OrderedDict()
        self._lock = Lock()

    def find(self, client_id: str, max_age: int = MAX_AGE) -> Client | None:
        """The client, unless the city does not know it or it is disabled."""
        stored = self._accounts.find(client_id)
        if stored is None or not stored.account.active or stored.account.kind != APPLICATION:
            return None
        known = self._known(client_id, max_age)
        return Client(known, ClientKey(client_id), stored.twin) if known else None

    def named(self, client_id: str) -> Client:
        """The client, however it is to be authenticated. Raises invalid_client."""
        client = self.find(client_id)
        if client is None:
            raise invalid_client()
        return client

    def authenticate(self, credentials: Credentials) -> Client:
        """The client that presents these. Raises invalid_client, and never says why.

        A confidential client must prove its secret; a public one must not present any.
        """
        for max_age in (MAX_AGE, MIN_AGE):
            client = self.find(credentials.client, max_age)
            if client is not None and _proves(credentials, client.known):
                return replace(client, key=ClientKey(client.known.id, credentials.secret))
        raise invalid_client()

    def machine_key(self, client: Client) -> ClientKey:
        """What gets tokens by client credentials for a client. Raises invalid_client."""
        if not client.twin and client.key.secret is not None:
            return client.key
        return self._key_of(self.named(client.twin or client.known.id).known.id)

    def _known(self, client_id: str, max_age: int) -> KnownClient | None:
        moment = self._clock()
        seen = self._remembered.get(client_id)
        if seen is not None and (
            0 <= moment - seen.at < max_age or not self._remembered.claim(seen, moment)
        ):
            return seen.known
        try:
            described = self._describe(client_id)
        except Unavailable:
            if seen is None:
                raise
            return seen.known
        if described is None:
            self._remembered.forget(client_id)
            return None
        known = _known_of(described)
        self._remembered.put(known, moment)
        return known

    def _key_of(self, client_id: str) -> ClientKey:
        moment = self._clock()
        with self._lock:
            cached = self._secrets.get(client_id)
        if cached is None or not 0 <= moment - cached.read < MAX_SECRET_AGE:
            described = self._describe(client_id)
            if described is None:
                raise invalid_client()
            cached = _Secret(moment, ClientKey(client_id, described.secret))
            with self._lock:
                self._secrets[client_id] = cached
                while len(self._secrets) > MAX_CACHED:
                    self._secrets.popitem(last=False)
        return cached.key


def _known_of(client: PoolClient) -> KnownClient:
    hashed = None if client.secret is None else hash_of(client.secret)
    return KnownClient(client.id, hashed, client.redirect_uris, client.takes_passwords)


def _proves(credentials: Credentials, client: KnownClient) -> bool:
    if client.secret_hash is None or credentials.secret is None:
        return client.is_public and credentials.secret is None
    return compare_digest(hash_of(credentials.secret), client.secret_hash)
