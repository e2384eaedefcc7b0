"""The deployment: the template as it stands, built for this machine and deployed by the real tool."""

import asyncio
import hashlib
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from sandbox.embedded_aws import REGION, session
from sandbox.options import ROOT

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CreateBucketConfigurationTypeDef

STACK = "city"
ARTIFACTS = "city-artifacts"
PLACE: "CreateBucketConfigurationTypeDef" = {"LocationConstraint": REGION}
SOURCES = ("template.yaml", "stack", "functions", "layers", "models")


class DeployError(Exception):
    """A step of the deployment failed; the message is what the tool printed."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Builds into `state`, deploys with `parameters`, and remembers of both what they were made from."""

    state: Path
    parameters: dict[str, str]

    @property
    def _record(self) -> Path:
        return self.state / "deployment.json"

    def _done(self) -> dict[str, str]:
        return json.loads(self._record.read_text()) if self._record.exists() else {}

    def _remember(self, step: str, made_from: str) -> None:
        self._record.write_text(json.dumps(self._done() | {step: made_from}))

    def is_built(self) -> bool:
        """Whether the build in the state directory is that of the sources."""
        return self._done().get("build") == sources_digest()

    def is_deployed(self) -> bool:
        """Whether the stack stands, from this build and these parameters."""
        return self._done().get("deploy") == self._deploy_digest() and stack_exists()

    def remember(self) -> None:
        """Note that the stack stands, from this build and these parameters, with all that is in it."""
        self._remember("deploy", self._deploy_digest())

    async def build(self) -> None:
        """`sam build` for this machine's platform and this Python. Raises DeployError."""
        made_from = sources_digest()
        environment = {
            "BUILD_PLATFORM": wheel_platform(),
            "BUILD_PYTHON": f"{sys.version_info.major}.{sys.version_info.minor}",
            "UV": str(ROOT / ".venv" / "bin" / "uv"),
        }
        await self._sam(["build", "--build-in-source", "--parallel"], environment)
        self._remember("build", made_from)

    async def deploy(self) -> None:
        """`sam deploy` of the built template. Raises DeployError."""
        await asyncio.to_thread(_empty_artifact_bucket)
        shutil.rmtree(self.state / "bundles", ignore_errors=True)
        await self._sam(
            [
                *("deploy", "--stack-name", STACK, "--s3-bucket", ARTIFACTS),
                *(
                    "--capabilities",
                    "CAPABILITY_IAM",
                    "--no-fail-on-empty-changeset",
                    "--no-progressbar",
                ),
                "--parameter-overrides",
                *(f"{name}={value}" for name, value in self.parameters.items()),
            ]
        )

    def _deploy_digest(self) -> str:
        return _digest(
            [self._done().get("build", "").encode(), json.dumps(self.parameters).encode()]
        )

    async def _sam(
        self, arguments: Sequence[str], environment: dict[str, str] | None = None
    ) -> None:
        """Run the deploy tool; its samconfig environment `sandbox` does not exist, so nothing else is configured."""
        build = self.state / "build"
        where = (
            ["--build-dir", str(build)]
            if arguments[0] == "build"
            else ["--template", str(build / "template.yaml")]
        )
        log = self.state / "logs" / f"{arguments[0]}.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                str(Path(sys.executable).parent / "sam"),
                *(arguments[0], "--config-env", "sandbox", *where, *arguments[1:]),
                cwd=ROOT,
                env=os.environ | (environment or {}),
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                failed = await process.wait()
            finally:
                if process.returncode is None:
                    process.terminate()
                    await process.wait()
        if failed:
            raise DeployError(f"sam {arguments[0]} failed; the end of {log}:\n\n{_tail(log)}")


def stack_exists() -> bool:
    """Whether the embedded AWS holds the stack, whole."""
    try:
        stacks = session().client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    except ClientError:
        return False
    return stacks[0]["StackStatus"] in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}


def outputs() -> dict[str, str]:
    """The stack's outputs by name."""
    stack = session().client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def warm_triggered_functions() -> None:
    """Start the functions behind streams and queues in the background: the first change need not wait."""
    mappings = session().client("lambda").list_event_source_mappings()["EventSourceMappings"]
    for function in {mapping["FunctionArn"] for mapping in mappings}:
        session().client("lambda").invoke(
            FunctionName=function, InvocationType="Event", Payload=b'{"Records": []}'
        )


def sources_digest() -> str:
    """Names what a build is made from: the sources, this Python and this platform."""
    files = (file for source in SOURCES for file in _files(ROOT / source))
    contents = (part for file in files for part in (str(file).encode(), file.read_bytes()))
    return _digest([sys.version.encode(), wheel_platform().encode(), *contents])


def wheel_platform() -> str:
    """This machine as `uv pip install --python-platform` names it."""
    machine = {"arm64": "aarch64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())
    return f"{machine}-apple-darwin" if sys.platform == "darwin" else f"{machine}-manylinux_2_28"


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    return sorted(
        file for file in source.rglob("*") if file.is_file() and "__pycache__" not in file.parts
    )


def _digest(parts: Iterable[bytes]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8) + part)
    return whole.hexdigest()


def _empty_artifact_bucket() -> None:
    """Make the bucket that the deploy tool uploads to, without what earlier deployments left there."""
    storage = session().resource("s3")
    bucket = storage.Bucket(ARTIFACTS)
    if bucket not in storage.buckets.all():
        bucket.create(CreateBucketConfiguration=PLACE)
    bucket.objects.delete()


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-30:])
