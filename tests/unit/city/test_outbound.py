"""The guarded HTTP client: what it calls, what it refuses to call, and when it gives up."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

import pytest

from city import outbound
from city.outbound import Answer, Failed, Outbound, Refused, is_public
from tests.receiver import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver(status=200)
    yield receiver
    receiver.close()


@pytest.fixture
def raw() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """Starts a server that handles each connection with a function; its URL."""
    servers: list[socket.socket] = []

    def start(handle: Callable[[socket.socket], None]) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)
        threading.Thread(target=_accept, args=(server, handle), daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}/"

    yield start
    for server in servers:
        server.close()


def _accept(server: socket.socket, handle: Callable[[socket.socket], None]) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            handle(connection)


def send(url: str, *, timeout: float = 2, **headers: str) -> Answer:
    return Outbound(allow_loopback=True).send("POST", url, headers, b"{}", timeout)


def test_request_arrives_as_it_was_given(receiver: Receiver) -> None:
    answer = Outbound(allow_loopback=True).send(
        "PUT", f"{receiver.url}/a?b=c", {"X-Name": "straße 東京"}, "grün".encode(), 2
    )
    assert answer == Answer(200)
    (received,) = receiver.received
    assert (received.method, received.path, received.body) == ("PUT", "/a?b=c", "grün")
    assert received.headers["x-name"].encode("latin-1").decode() == "straße 東京"


@pytest.mark.parametrize("status", [204, 404, 500])
def test_every_status_is_an_answer(receiver: Receiver, status: int) -> None:
    receiver.status = status
    assert send(receiver.url).status == status


def test_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.status = 307
    assert send(receiver.url).status == 307
    assert len(receiver.received) == 1


def test_wish_for_a_pause_is_reported(receiver: Receiver) -> None:
    receiver.status, receiver.retry_after = 503, 30
    assert send(receiver.url).retry_after == 30


def test_proxies_of_the_environment_are_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert send(receiver.url).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "2130706433",
        "0.0.0.0",
        "0177.0.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "169.254.170.2",
        "169.254.79.129",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:7f00:1::]",
        "[::127.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b:1::a00:1]",
        "[4000::1]",
        "[3fff::1]",
        "[5f00::1]",
        "192.0.0.192",
        "224.0.0.1",
        "255.255.255.255",
    ],
)
def test_address_that_is_not_public_is_refused(host: str) -> None:
    with pytest.raises(Refused, match="not public"):
        Outbound().send("POST", f"http://{host}:9001/", {}, b"", 1)


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "[::ffff:10.0.0.1]"])
def test_opening_the_loopback_opens_nothing_else(host: str) -> None:
    with pytest.raises(Refused, match="not public"):
        send(f"http://{host}/")


@pytest.mark.parametrize("text", ["93.184.216.34", "8.8.8.8", "2606:4700:4700::1111"])
def test_public_address_is_public(text: str) -> None:
    assert is_public(ip_address(text))


def test_name_is_checked_and_connected_in_one_resolution(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that turns private after the check cannot be used: nobody asks a second time."""
    port = int(receiver.url.rpartition(":")[2])
    asked: list[str] = []

    def resolve(host: str, *_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", _only_for("rebinding.example", resolve))
    with pytest.raises(Refused):
        Outbound().send("POST", f"http://rebinding.example:{port}/", {}, b"", 1)
    assert send(f"http://rebinding.example:{port}/").status == 200
    assert asked == ["rebinding.example"] * 2


def _only_for(name: str, resolve: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    real = socket.getaddrinfo

    def choose(host: str, *arguments: Any, **options: Any) -> list[Any]:
        if host == name:
            return resolve(host, *arguments)
        return list(real(host, *arguments, **options))

    return choose


def test_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))
            for address in ("93.184.216.34", "10.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", _only_for("mixed.example", resolve))
    with pytest.raises(Refused, match=r"mixed\.example has an address that is not public$"):
        Outbound().send("POST", "http://mixed.example/", {}, b"", 1)


def test_time_to_connect_is_shared_by_all_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with many silent addresses must not take the timeout for each of them."""
    waits: list[float] = []

    def resolve(*_: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"93.184.216.{last}", 80))
            for last in range(100)
        ]

    def silent(_address: Any, timeout: float, **_: Any) -> socket.socket:
        waits.append(timeout)
        time.sleep(timeout)
        raise TimeoutError

    monkeypatch.setattr(socket, "getaddrinfo", _only_for("silent.example", resolve))
    monkeypatch.setattr(outbound, "create_connection", silent)
    with pytest.raises(Failed, match="connecting took over"):
        Outbound().send("POST", "http://silent.example/", {}, b"", 0.2)
    assert 1 < len(waits) < 10
    assert sum(waits) < 0.25


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http:///x", "http://[::1/", "nothing"])
def test_unusable_url_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        send(url)


def test_header_that_would_break_out_is_refused(receiver: Receiver) -> None:
    with pytest.raises(Refused):
        send(receiver.url, name="value\r\nX-Injected: 1")
    assert receiver.received == []


def test_closed_port_fails_with_the_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(Failed, match="refused"):
        send(f"http://127.0.0.1:{port}/")


def test_hanging_receiver_fails_after_the_timeout(receiver: Receiver) -> None:
    receiver.hanging = True
    start = time.monotonic()
    with pytest.raises(Failed, match="timed out"):
        send(receiver.url, timeout=0.2)
    assert time.monotonic() - start < 1


def test_receiver_that_trickles_headers_is_cut_off(raw: Any) -> None:
    def trickle(connection: socket.socket) -> None:
        connection.recv(65536)
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while True:
                connection.sendall(b"x")
                time.sleep(0.05)
        except OSError:
            return

    start = time.monotonic()
    assert send(raw(trickle), timeout=0.2).status == 200
    assert time.monotonic() - start < 1.5


def test_receiver_that_trickles_its_handshake_is_cut_off(raw: Any) -> None:
    def trickle(connection: socket.socket) -> None:
        connection.recv(65536)
        with suppress(OSError):
            connection.sendall(bytes.fromhex("1603034000"))  # a record of 16 KiB follows
            while True:
                connection.sendall(b"x")
                time.sleep(0.05)

    start = time.monotonic()
    with pytest.raises(Failed):
        send(raw(trickle).replace("http:", "https:"), timeout=0.2)
    assert time.monotonic() - start < 1.5


def test_receiver_that_trickles_its_body_has_answered(
    raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "DRAIN_TIMEOUT", 0.2)

    def trickle(connection: socket.socket) -> None:
        connection.recv(65536)
        with suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while True:
                connection.sendall(b"x")
                time.sleep(0.05)

    start = time.monotonic()
    assert send(raw(trickle), timeout=20).status == 200
    assert time.monotonic() - start < 2


def test_receiver_that_stops_in_its_body_has_answered(
    raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "DRAIN_TIMEOUT", 0.2)

    def stop(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx")
        connection.recv(1)

    start = time.monotonic()
    assert send(raw(stop), timeout=20).status == 200
    assert time.monotonic() - start < 2


class SocketLikeTls(socket.socket):
    """Sends record by record, each with the whole timeout, as SSLSocket does."""

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        left = memoryview(data)
        while left:
            left = left[self.send(left[:1000], flags) :]


def test_receiver_that_reads_slowly_is_cut_off() -> None:
    here, there = socket.socketpair()
    connection = outbound._Https("receiver.example", timeout=0.2, allow_loopback=False)
    connection.sock = SocketLikeTls(fileno=here.detach())
    connection.sock.settimeout(0.2)

    def sip() -> None:
        with suppress(OSError):
            while there.recv(20_000):
                time.sleep(0.05)

    reader = threading.Thread(target=sip, daemon=True)
    reader.start()
    start = time.monotonic()
    with pytest.raises(OSError, match="Broken pipe"):
        connection.send(b"x" * 1_000_000)
    assert time.monotonic() - start < 1
    connection.close()
    reader.join()
    there.close()


def test_answer_that_is_encoded_wrongly_is_an_answer(raw: Any) -> None:
    def claim(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone"
        )

    assert send(raw(claim)).status == 200


def test_wish_for_an_absurd_pause_does_not_break_the_answer(raw: Any) -> None:
    def ask(connection: socket.socket) -> None:
        connection.recv(65536)
        head = f"HTTP/1.1 503 Busy\r\nRetry-After: {'9' * 5000}\r\nContent-Length: 0\r\n\r\n"
        connection.sendall(head.encode())

    assert send(raw(ask)) == Answer(503, 999_999_999)


def test_endless_answer_is_not_read(raw: Any) -> None:
    def pour(connection: socket.socket) -> None:
        connection.recv(65536)
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                connection.sendall(b"x" * 65536)
        except OSError:
            return

    start = time.monotonic()
    assert send(raw(pour), timeout=1).status == 200
    assert time.monotonic() - start < 1


def test_kept_connection_that_was_closed_is_replaced(raw: Any) -> None:
    """A receiver may close an idle connection just when the next request goes out."""
    taken: list[bytes] = []

    def once(connection: socket.socket) -> None:
        taken.append(connection.recv(65536))
        if len(taken) != 2:
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    url = raw(once)
    client = Outbound(allow_loopback=True)
    assert client.send("POST", url, {}, b"1", 1).status == 204
    assert client.send("POST", url, {}, b"2", 1).status == 204
