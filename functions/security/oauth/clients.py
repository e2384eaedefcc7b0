"""OAuth clients and their authentication, which no branch of any endpoint goes without.

A client is an app client of the user pool. Whoever names one that the city does not know costs a
read of the table and no call to Cognito, whose quota for describing clients (5 a second) all share.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hmac import compare_digest
from threading import Lock
from typing import NamedTuple

from city.clock import SECOND, Clock
from security.cognito_clients import PoolClient
from security.cognito_endpoints import ClientKey
from security.oauth.forms import Credentials
from security.oauth.refusals import invalid_client
from security.store.accounts import AccountStore

MAX_AGE = 60 * SECOND
"""How long what Cognito says of a client is believed."""
MIN_AGE = 5 * SECOND
"""How soon it is asked again because a secret does not fit: it may have been changed."""
MAX_CACHED = 256

APPLICATION = "application"
"""The kind of accounts that clients have."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client of the pool that the city knows.

    `twin` is the client that gets tokens by client credentials in its place: Cognito lets no client
    have that flow beside another.
    """

    known: PoolClient
    twin: str = ""

    @property
    def key(self) -> ClientKey:
        """What it presents to Cognito."""
        return ClientKey(self.known.id, self.known.secret)

    def owns(self, client_id: str) -> bool:
        """Whether tokens with this `client_id` were issued to it."""
        return client_id in {self.known.id, self.twin} - {""}


class _Cached(NamedTuple):
    read: int
    client: PoolClient | None


class Clients:
    """The city's clients: app clients of the pool that have an account."""

    def __init__(
        self,
        describe: Callable[[str], PoolClient | None],
        accounts: AccountStore,
        clock: Clock,
    ) -> None:
        self._describe = describe
        self._accounts = accounts
        self._clock = clock
        self._cache: OrderedDict[str, _Cached] = OrderedDict()
        self._lock = Lock()

    def find(self, client_id: str, max_age: int = MAX_AGE) -> Client | None:
        """The client, unless the city does not know it or it is disabled."""
        stored = self._accounts.find(client_id)
        if stored is None or not stored.account.active or stored.account.kind != APPLICATION:
            return None
        known = self._described(client_id, max_age)
        return Client(known, stored.twin) if known else None

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
                return client
        raise invalid_client()

    def _described(self, client_id: str, max_age: int) -> PoolClient | None:
        moment = self._clock()
        with self._lock:
            cached = self._cache.get(client_id)
        if cached is None or not 0 <= moment - cached.read < max_age:
            cached = _Cached(moment, self._describe(client_id))
            with self._lock:
                self._cache[client_id] = cached
                while len(self._cache) > MAX_CACHED:
                    self._cache.popitem(last=False)
        return cached.client


def _proves(credentials: Credentials, client: PoolClient) -> bool:
    if client.secret is None or credentials.secret is None:
        return client.secret is credentials.secret
    return compare_digest(client.secret.encode(), credentials.secret.encode())
