"""The front listener: which requests it hands on, and as what."""

import asyncio
from typing import Any

import httpx
import pytest

from sandbox.front import IN_FLIGHT, Front

PORT, HISTORY_PORT, AWS_PORT = 8080, 8668, 4566


class Aws:
    """Answers 200 and keeps what it was asked; `running` and `most` count requests at one time."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bytes]] = []
        self.running = self.most = 0

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        self.asked.append((scope["path"], scope["raw_path"]))
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0)
        self.running -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


class City:
    """A front before a recording AWS; `wiped` counts resets, `met` the requests they ran beside."""

    def __init__(self) -> None:
        self.aws = Aws()
        self.wiped = self.met = 0
        self.front = Front(self.aws, {PORT: "CityApi", HISTORY_PORT: "HistoryApi"}, self._wipe)

    async def _wipe(self) -> None:
        self.met = max(self.met, self.aws.running)
        await asyncio.sleep(0)
        self.met = max(self.met, self.aws.running)
        self.wiped += 1

    async def meet(self, *requests: tuple[str, str]) -> list[int]:
        """Send requests at one time; their statuses."""
        transport = httpx.ASGITransport(app=self.front)
        url = f"http://127.0.0.1:{PORT}"
        async with httpx.AsyncClient(transport=transport, base_url=url) as client:
            return [
                a.status_code for a in await asyncio.gather(*(client.request(*r) for r in requests))
            ]

    async def _ask(self, method: str, path: str, port: int, times: int) -> int:
        transport = httpx.ASGITransport(app=self.front)
        async with httpx.AsyncClient(
            transport=transport, base_url=f"http://127.0.0.1:{port}"
        ) as client:
            answers = await asyncio.gather(*(client.request(method, path) for _ in range(times)))
        return answers[0].status_code

    def ask(self, method: str, path: str, port: int = PORT, times: int = 1) -> int:
        # asyncio.run would drop, unclosed, the event loop that other tests keep in this thread.
        loop = asyncio.new_event_loop()
        try:
            return loop.run_until_complete(self._ask(method, path, port, times))
        finally:
            loop.close()


@pytest.fixture
def city() -> City:
    return City()


@pytest.fixture
def open_front(city: City) -> City:
    city.front.open({"CityApi": "api1", "HistoryApi": "api2"})
    return city


def test_city_that_is_starting_answers_503(city: City) -> None:
    assert city.ask("GET", "/version") == 503
    assert city.aws.asked == []


def test_city_that_is_starting_lets_the_deploy_tool_reach_aws(city: City) -> None:
    assert city.ask("POST", "/", AWS_PORT) == 200


def test_request_goes_to_the_api_with_its_path_as_it_was_sent(open_front: City) -> None:
    assert open_front.ask("GET", "/v2/entities/a%2Fb") == 200
    assert open_front.aws.asked == [
        (
            "/_aws/execute-api/api1/$default/v2/entities/a/b",
            b"/_aws/execute-api/api1/$default/v2/entities/a%2Fb",
        )
    ]


def test_second_port_is_the_second_api(open_front: City) -> None:
    assert open_front.ask("GET", "/v2/entities", HISTORY_PORT) == 200
    assert open_front.aws.asked[0][0] == "/_aws/execute-api/api2/$default/v2/entities"


def test_aws_is_not_reached_through_the_city(open_front: City) -> None:
    open_front.ask("POST", "/_ministack/reset")
    assert open_front.aws.asked[0][0] == "/_aws/execute-api/api1/$default/_ministack/reset"


def test_reset_stays_here(open_front: City) -> None:
    assert open_front.ask("POST", "/_sandbox/reset") == 204
    assert (open_front.wiped, open_front.aws.asked) == (1, [])


def test_reset_is_no_path_of_aws(open_front: City) -> None:
    open_front.ask("POST", "/_sandbox/reset", AWS_PORT)
    assert open_front.wiped == 0


def test_reset_by_get_is_refused(open_front: City) -> None:
    assert open_front.ask("GET", "/_sandbox/reset") == 405
    assert open_front.wiped == 0


def test_requests_beyond_the_limit_wait(open_front: City) -> None:
    open_front.ask("GET", "/version", times=4 * IN_FLIGHT)
    assert (open_front.aws.most, len(open_front.aws.asked)) == (IN_FLIGHT, 4 * IN_FLIGHT)


def test_resets_at_one_time_run_one_after_another_and_beside_no_request(open_front: City) -> None:
    reset, request = ("POST", "/_sandbox/reset"), ("GET", "/version")
    loop = asyncio.new_event_loop()
    try:
        meeting = open_front.meet(*[request] * IN_FLIGHT, reset, reset, *[request] * IN_FLIGHT)
        statuses = loop.run_until_complete(asyncio.wait_for(meeting, 10))
    finally:
        loop.close()
    assert statuses.count(204) == 2
    assert (open_front.wiped, open_front.met) == (2, 0)
