"""A city of its own for the tests that need one whole: `make run` on free ports, in a directory of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import httpx

ROOT = Path(__file__).parents[1]
PYTHONPATH = os.pathsep.join(str(ROOT / part) for part in (".", "functions", "layers/core"))
START_TIMEOUT = 180.0


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class LocalCity:
    """A city in a child process: `url` once it has started; `public` when it asks for no tokens.

    QuantumLeap's API is at the root of `history_url`.
    """

    state: Path
    public: bool = False
    port: int = field(default_factory=free_port)
    history_port: int = field(default_factory=free_port)
    _process: "subprocess.Popen[str] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def history_url(self) -> str:
        return f"http://127.0.0.1:{self.history_port}"

    @property
    def environment(self) -> dict[str, str]:
        """What `make run` and the `city` command are told about this city."""
        return os.environ | {
            "PORT": str(self.port),
            "HISTORY_PORT": str(self.history_port),
            "SANDBOX_STATE": str(self.state),
            "OPEN": str(int(self.public)),
        }

    def start(self) -> float:
        """Start and wait for the first answer; the seconds it took. Fails with what the city printed."""
        assert (ROOT / ".venv-sandbox/bin/python").exists(), "make test installs the sandbox first"
        self.state.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        with (self.state / "start.log").open("w") as log:
            self._process = self.spawn(stdout=log)
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() - started > START_TIMEOUT:
                self.stop()
                raise AssertionError(f"no city:\n{(self.state / 'start.log').read_text()}")
            time.sleep(0.1)
        return time.monotonic() - started

    def spawn(self, **streams: Any) -> "subprocess.Popen[str]":
        """The city's process, leader of a process group of its own."""
        return subprocess.Popen(
            [str(ROOT / ".venv-sandbox/bin/python"), "-m", "sandbox"],
            cwd=ROOT,
            env=self.environment,
            start_new_session=True,
            stderr=subprocess.STDOUT,
            text=True,
            **streams,
        )

    def stop(self) -> None:
        """Stop as Ctrl-C would, and wait; the state stays."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)

    def processes(self) -> bool:
        """Whether anything that the city started still runs."""
        assert self._process is not None
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    @cached_property
    def token(self) -> str:
        """A token from the `city` command."""
        return self.command("token").strip()

    @property
    def administrator(self) -> tuple[str, str]:
        """Name and password of the city's first administrator."""
        return "admin@city.example", (self.state / "admin-password").read_text()

    def sign_in(self, name: str, password: str) -> str:
        """The access token that a user gets for the password."""
        answer = self.aws("cognito-idp").initiate_auth(
            ClientId=self.outputs["LoginClientId"],
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": name, "PASSWORD": password},
        )
        token: str = answer["AuthenticationResult"]["AccessToken"]
        return token

    def command(self, *arguments: str) -> str:
        """What the `city` command prints."""
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=ROOT,
            env=self.environment | {"PYTHONPATH": PYTHONPATH},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The outputs of the stack."""
        [stack] = self.aws("cloudformation").describe_stacks(StackName="city")["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def client(self, tenant: str = "", **headers: str) -> httpx.Client:
        """An HTTP client of the city, for a tenant, with a token unless the city is public."""
        credentials = {} if self.public else {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(
            base_url=self.url,
            headers=credentials | ({"Fiware-Service": tenant} if tenant else {}) | headers,
            timeout=30,
        )

    def aws(self, service: str) -> Any:
        """A client of the AWS that the city runs on."""
        record = json.loads((self.state / "city.json").read_text())
        client: Any = boto3.client
        return client(
            service,
            endpoint_url=record["aws"],
            region_name=record["region"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
            aws_session_token="",
        )

    def built_like(self, other: "LocalCity") -> None:
        """Take over another city's build, so that this one only deploys."""
        shutil.copytree(other.state / "build", self.state / "build")
        shutil.copy(other.state / "deployment.json", self.state)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/version", timeout=30).status_code == 200
        except httpx.TransportError:
            return False
