"""A notification on its way: one HTTP request, and what its delivery needs to know.

Messages of one group (one subscription, one entity) are delivered in order of their sequence. The
name of a message is the same however often its change is processed.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from hashlib import blake2b
from typing import Any, cast

from city.document import Identity
from city.errors import TooLarge
from city.json import dump_ascii, parse
from city.keys import key
from city.tenancy import Tenant
from context.owners import Disclosure, Owner


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request; an empty body is none."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: str = ""


MAX_HEAD = 64_000
"""Bytes of address and headers as a queue holds them; more than any receiver takes."""


@dataclass(frozen=True, slots=True)
class Message:
    """A notification to send to one subscription because of one change of one entity.

    `at`: when the entity changed (µs); `timeout`: seconds to wait for the receiver; `limit`: how
    many failures in a row the subscription allows (0: any number); `parts`: in how many rows the
    body is kept when it is too large for a queue; `told`: what it discloses, and to whom, which
    must still be allowed when it is sent.
    """

    tenant: Tenant
    subscription: str
    group: str
    sequence: str
    at: int
    request: Request
    told: Disclosure
    timeout: float = 0
    limit: int = 0
    parts: int = 0

    @property
    def name(self) -> str:
        """What makes two messages the same."""
        return change_name(self.subscription, self.group, self.sequence)


@dataclass(frozen=True, slots=True)
class Tick:
    """A reminder to try the parked notifications of a subscription."""

    tenant: Tenant
    subscription: str


def group_of(subscription: str, identity: Identity) -> str:
    """The order group of one subscription and one entity."""
    return blake2b(key(subscription, *identity).encode(), digest_size=16).hexdigest()


def change_name(subscription: str, group: str, sequence: str) -> str:
    """A short name for one change notified to one subscription."""
    return blake2b(key(subscription, group, sequence).encode(), digest_size=12).hexdigest()


def dump_message(message: Message) -> str:
    """A message as a queue holds it."""
    members = {field.name: getattr(message, field.name) for field in fields(message)}
    parts = {"request": asdict(message.request), "told": asdict(message.told)}
    return dump_ascii(members | parts)


def parse_message(text: str | bytes) -> Message | Tick:
    """Read what `dump_message` or `dump_tick` wrote. Raises ValueError for anything else."""
    members = cast("dict[str, Any]", parse(text))
    try:
        if "request" not in members:
            return Tick(**members)
        parts = {"request": Request(**members["request"]), "told": _told(members["told"])}
        return Message(**members | parts)
    except (KeyError, TypeError) as error:
        raise ValueError(str(error)) from error


def _told(members: dict[str, Any]) -> Disclosure:
    told = Disclosure(**members)
    names = None if told.attributes is None else tuple(told.attributes)
    return replace(told, owner=Owner(*told.owner), attributes=names)


def check_head(request: Request) -> None:
    """Refuse a request that no queue holds even without its body. Raises TooLarge."""
    if len(request.url) + len(dump_ascii(dict(request.headers))) > MAX_HEAD:
        raise TooLarge(f"the address and headers of a notification have over {MAX_HEAD} bytes")


def dump_tick(tick: Tick) -> str:
    """A tick as a queue holds it."""
    return dump_ascii(asdict(tick))
