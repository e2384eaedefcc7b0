"""HTTP requests to addresses that clients chose: subscribers' receivers.

A name is resolved when the connection is made, every address it has must be a public one, and the
connection goes to the very address that was checked, so a name cannot change in between (DNS
rebinding). Redirects are not followed, environment proxies are not used, answers are read up to a
limit, and a receiver that trickles bytes is cut off.
"""

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, cast

from urllib3 import PoolManager, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
)
from urllib3.response import BaseHTTPResponse, HTTPResponse
from urllib3.util.connection import allowed_gai_family, create_connection

MAX_ANSWER_BYTES = 65_536
CONNECT_TIMEOUT = 5.0
MAX_CONNECTIONS = 16
MAX_REASON_LENGTH = 200
MAX_ADDRESSES = 8
"""Of one name; the time to connect is shared among those that are tried."""

DRAIN_TIMEOUT = 1.0
"""Seconds to read what follows the head of an answer; it only saves a new connection."""

_GRACE = 0.25
_SHORTEST = 0.001

MAX_OVERHEAD = 4 * CONNECT_TIMEOUT + DRAIN_TIMEOUT + 3 * _GRACE
"""Seconds a request may take beyond waiting for its answer: a kept connection that turns out to be
closed, connecting, the handshake, sending, and reading what follows the head."""

Address = IPv4Address | IPv6Address

_NOT_PUBLIC = tuple(
    ip_network(text)
    for text in (
        "192.0.0.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "224.0.0.0/4",
        "240.0.0.0/4",
        # Of IPv6 only 2000::/3 is public; the rest holds all forms with an IPv4 address inside.
        "::/3",
        "4000::/2",
        "8000::/1",
        "2001::/23",
        "2002::/16",  # 6to4: may hold any IPv4 address
        "3fff::/20",
    )
)
"""Addresses that `is_global` takes for public ones in some Python versions."""


class Refused(Exception):
    """The address may not be called; the message says why. It never becomes reachable by trying."""


class Failed(Exception):
    """No answer came: the message says what happened on the way."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of an answer, and how long the receiver asks us to wait (s; 0: not at all)."""

    status: int
    retry_after: int = 0


class Outbound:
    """Sends requests over kept connections; safe for threads.

    `allow_loopback` opens 127.0.0.0/8 and ::1 (the sandbox only).
    """

    def __init__(self, *, allow_loopback: bool = False) -> None:
        self._pools = PoolManager(num_pools=64, maxsize=MAX_CONNECTIONS, retries=False)
        pools = {"http": _HttpPool, "https": _HttpsPool}
        self._pools.pool_classes_by_scheme = {
            scheme: cast("type", partial(pool, allow_loopback=allow_loopback))
            for scheme, pool in pools.items()
        }

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout: float
    ) -> Answer:
        """Send one request, and wait `timeout` seconds for its answer.

        All in all it takes `MAX_OVERHEAD` longer at most. Any status is an Answer. Raises Refused for a forbidden or unusable address, Failed when
        there is no answer. A request on a kept connection that turns out to be closed is sent
        again.
        """
        if not url.lower().startswith(("http://", "https://")):
            raise Refused("the address is neither http nor https")
        start = time.monotonic()
        try:
            try:
                response = self._request(method, url, headers, body, timeout)
            except ProtocolError:
                if time.monotonic() - start >= CONNECT_TIMEOUT:
                    raise
                response = self._request(method, url, headers, body, timeout)
            _discard(response)
        except ValueError as error:
            raise Refused(_reason(error)) from error
        except (HTTPError, OSError) as error:
            raise Failed(_reason(error)) from error
        return Answer(response.status, _seconds(response.headers.get("Retry-After", "")))

    def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout: float
    ) -> BaseHTTPResponse:
        return self._pools.request(
            method,
            url,
            body=body,
            # The wire takes bytes; a value beyond Latin-1 travels as UTF-8.
            headers={name: value.encode().decode("latin-1") for name, value in headers.items()},
            timeout=Timeout(connect=min(timeout, CONNECT_TIMEOUT), read=timeout),
            redirect=False,
            preload_content=False,
        )


def is_public(address: Address) -> bool:
    """Whether an address is on the public internet, also when it hides an IPv4 address."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_global and not any(address in network for network in _NOT_PUBLIC)


def approved_addresses(host: str, port: int, *, allow_loopback: bool) -> list[str]:
    """Resolve a host to the addresses to try. Raises Refused if one is forbidden, or OSError."""
    found = socket.getaddrinfo(host.strip("[]"), port, allowed_gai_family(), socket.SOCK_STREAM)
    texts = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
    for text in texts:
        address = ip_address(text.partition("%")[0])
        if not (is_public(address) or (allow_loopback and address.is_loopback)):
            # Which one is not told: the subscriber reads this, and names may be internal ones.
            raise Refused(f"{host} has an address that is not public")
    return texts[:MAX_ADDRESSES]


class _Guard(HTTPConnection):
    """A connection to an approved address whose answer has to begin in time."""

    def __init__(self, *args: Any, allow_loopback: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self._allow_loopback = allow_loopback

    def _new_conn(self) -> socket.socket:
        try:
            addresses = approved_addresses(
                self._dns_host, self.port, allow_loopback=self._allow_loopback
            )
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        failure: OSError = OSError("no address")
        seconds = self.timeout or CONNECT_TIMEOUT
        deadline = time.monotonic() + seconds
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            try:
                sock = create_connection(
                    (address, self.port),
                    max((deadline - time.monotonic()) / left, _SHORTEST),
                    source_address=self.source_address,
                    socket_options=self.socket_options,
                )
            except OSError as error:
                failure = error
            else:
                sock.settimeout(self.timeout)
                return sock
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, f"connecting took over {self.timeout} s")
        raise NewConnectionError(self, str(failure)) from failure

    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as in urllib3 itself
        with _cut_off(self.sock, self.timeout):
            return super().getresponse()


class _Https(_Guard, HTTPSConnection):
    def send(self, data: Any) -> None:
        # TLS waits as long for every record: a receiver that reads slowly would hold us for ever.
        with _cut_off(self.sock, self.timeout):
            super().send(data)


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Guard


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


@contextmanager
def _cut_off(sock: Any, seconds: float | None) -> Iterator[None]:
    """Shut the socket down a little later than its own timeout, even if single bytes arrive."""
    # The plain method: SSLSocket's own drops the session another thread is reading from.
    timer = threading.Timer(
        (seconds or 0) + _GRACE, socket.socket.shutdown, (sock, socket.SHUT_RDWR)
    )
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _discard(response: BaseHTTPResponse) -> None:
    """Read a short answer, so that its connection can be kept; drop a long or slow one.

    The status is known by now, so whatever happens here is no failure.
    """
    deadline = time.monotonic() + DRAIN_TIMEOUT
    sock = getattr(response.connection, "sock", None)
    left = MAX_ANSWER_BYTES
    with suppress(HTTPError, OSError), _cut_off(sock, DRAIN_TIMEOUT):
        while left > 0 and time.monotonic() < deadline:
            piece = response.read1(left, decode_content=False)
            if not piece:
                response.release_conn()
                return
            left -= len(piece)
    response.close()


def _seconds(retry_after: str) -> int:
    """The header as seconds; a date counts as nothing, and only nine digits count."""
    return int(retry_after[:9]) if retry_after.isascii() and retry_after.isdecimal() else 0


def _reason(error: Exception) -> str:
    """What went wrong, in one line that holds no more than the client's own URL."""
    cause = error.args[1] if isinstance(error, ProtocolError) and len(error.args) > 1 else error
    text = str(cause).rpartition("): ")[2] or type(cause).__name__
    return " ".join(text.split())[:MAX_REASON_LENGTH]
