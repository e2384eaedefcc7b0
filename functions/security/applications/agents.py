"""PEP proxies and IoT agents: what authenticates with an id and a password of the city's.

A password is random (256 bits), told once when it is made, and kept as a salted scrypt hash. Scrypt
takes 16 MB and some tens of milliseconds for each try; the password is out of reach without it,
but a table that leaks must not depend on how passwords are made in years to come.
"""

import secrets
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from hashlib import scrypt
from hmac import compare_digest
from typing import TYPE_CHECKING
from uuid import uuid4

from city.dynamodb import ConditionFailed
from city.errors import AlreadyExists, NotFound
from city.policy import Caller
from city.policy.accounts import Account
from security.applications.permissions import MANAGE_APPLICATION
from security.store.agents import Agent, AgentKind, AgentStore

if TYPE_CHECKING:
    from security.applications.stewards import Stewards
    from security.audit import Audit
    from security.store.accounts import AccountStore

PREFIXES = {AgentKind.PEP: "pep_proxy_", AgentKind.IOT: "iot_sensor_"}
AGENT_NAMES = tuple(PREFIXES.values())
"""What the names of agents begin with; no address does, for want of an @."""
SECRET_BYTES = 32
MAX_PASSWORD = 200
"""Characters of a password that is looked at at all."""

_COST, _BLOCK, _PARALLEL = 2**14, 8, 1
_SALT_BYTES, _HASH_BYTES = 16, 32
_MISSING = {AgentKind.PEP: "Pep Proxy not found", AgentKind.IOT: "Iot Agent not found"}


@dataclass(frozen=True, slots=True)
class NewAgent:
    """An agent and its password, which nothing tells again."""

    id: str
    password: str = field(repr=False)


class Agents:
    """The agents of all applications; safe for threads."""

    def __init__(
        self, store: AgentStore, accounts: "AccountStore", stewards: "Stewards", audit: "Audit"
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._stewards = stewards
        self._audit = audit

    def create(self, caller: Caller, application: str, kind: AgentKind) -> NewAgent:
        """A new agent. Raises NotFound, or AlreadyExists for a second PEP proxy."""
        self._stewards.require(caller, application, MANAGE_APPLICATION)
        new = NewAgent(f"{PREFIXES[kind]}{uuid4()}", _new_password(kind))
        try:
            self._store.add(Agent(new.id, application, kind, hash_password(new.password)))
        except ConditionFailed as failure:
            if 0 in failure.found:
                raise NotFound("Application not found") from failure
            raise AlreadyExists("Pep Proxy already registered") from failure
        self._accounts.create(Account(new.id, kind.value))
        self._record(caller, "create", new.id, application)
        return new

    def proxy(self, caller: Caller, application: str) -> str:
        """The id of an application's PEP proxy. Raises NotFound."""
        self._stewards.require(caller, application, MANAGE_APPLICATION)
        id = self._store.proxy(application)
        if id is None:
            raise NotFound(_MISSING[AgentKind.PEP])
        return id

    def agents(self, caller: Caller, application: str) -> list[str]:
        """The ids of an application's IoT agents. Raises NotFound when there are none."""
        self._stewards.require(caller, application, MANAGE_APPLICATION)
        agents = self._store.agents(application)
        if not agents:
            raise NotFound("Iot agents not found")
        return agents

    def agent(self, caller: Caller, application: str, id: str) -> str:
        """The id of an IoT agent, when the application has it. Raises NotFound."""
        self._stewards.require(caller, application, MANAGE_APPLICATION)
        return self._of(application, id, AgentKind.IOT).id

    def reset(self, caller: Caller, application: str, id: str, kind: AgentKind) -> str:
        """A new password, told once; the tokens of all agents die. Raises NotFound."""
        self._stewards.require(caller, application, MANAGE_APPLICATION)
        agent = self._of(application, id, kind)
        password = _new_password(kind)
        try:
            self._store.set_hash(agent.id, hash_password(password))
        except ConditionFailed as failure:
            raise NotFound(_MISSING[kind]) from failure
        self._end_tokens(application)
        self._record(caller, "reset", agent.id, application)
        return password

    def delete(self, caller: Caller, application: str, id: str, kind: AgentKind) -> None:
        """Remove an agent: account first, so that it can do nothing any more. Raises NotFound."""
        self._stewards.require(caller, application, MANAGE_APPLICATION)
        self._delete(self._of(application, id, kind))
        self._end_tokens(application)
        self._record(caller, "delete", id, application)

    def delete_all(self, application: str) -> None:
        """Remove every agent of an application."""
        proxy = self._store.proxy(application)
        if proxy is not None:
            self._delete(Agent(proxy, application, AgentKind.PEP))
        for id in self._store.agents(application):
            self._delete(Agent(id, application, AgentKind.IOT))

    def verify(self, id: str, password: str) -> Agent | None:
        """The agent with this id and password; None for any other pair, after the same time."""
        known = id.startswith(AGENT_NAMES)
        agent = self._store.find(id) if known else None
        fits = verify_password(password, agent.hash if agent else _NOBODY)
        stored = self._accounts.find(id) if agent and fits else None
        return agent if stored is not None and stored.account.active else None

    def _end_tokens(self, application: str) -> None:
        """Let the tokens die that agents have, which are those of the application's machine."""
        stored = self._accounts.find(application)
        if stored is not None:
            self._accounts.revoke_tokens(stored.twin or application)

    def _delete(self, agent: Agent) -> None:
        self._accounts.delete(agent.id)
        self._store.remove(agent)

    def _of(self, application: str, id: str, kind: AgentKind) -> Agent:
        if not self._store.has(application, id, kind):
            raise NotFound(_MISSING[kind])
        return Agent(id, application, kind)

    def _record(self, caller: Caller, what: str, id: str, application: str) -> None:
        self._audit.record(
            actor=caller.subject.id,
            action=f"agent:{what}",
            tenant="-",
            target=id,
            detail={"application": application},
        )


def hash_password(password: str) -> str:
    """What is kept of a password: "scrypt$N$r$p$salt$hash", salt and hash in base64."""
    salt = secrets.token_bytes(_SALT_BYTES)
    digest = _derive(password, salt, _COST, _BLOCK, _PARALLEL)
    parts = (b64encode(salt).decode(), b64encode(digest).decode())
    return "$".join(["scrypt", str(_COST), str(_BLOCK), str(_PARALLEL), *parts])


def verify_password(password: str, kept: str) -> bool:
    """Whether this is the password of which that is kept, compared in constant time."""
    _, cost, block, parallel, salt, digest = kept.split("$")
    if len(password) > MAX_PASSWORD:
        password = ""
    derived = _derive(password, b64decode(salt), int(cost), int(block), int(parallel))
    return compare_digest(derived, b64decode(digest))


def _derive(password: str, salt: bytes, cost: int, block: int, parallel: int) -> bytes:
    # a half surrogate pair is text to JSON and no character; it must fail, not break
    text = password.encode(errors="surrogatepass")
    return scrypt(text, salt=salt, n=cost, r=block, p=parallel, maxmem=2**26, dklen=_HASH_BYTES)


def _new_password(kind: AgentKind) -> str:
    return PREFIXES[kind] + secrets.token_urlsafe(SECRET_BYTES)


_NOBODY = "$".join(
    ["scrypt", str(_COST), str(_BLOCK), str(_PARALLEL)]
    + [b64encode(bytes(length)).decode() for length in (_SALT_BYTES, _HASH_BYTES)]
)
"""A hash of no password, for ids that nobody has: a try takes as long as any other."""
