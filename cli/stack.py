"""Which city a command is about: a deployed stack, or the one that `make run` keeps on this machine."""

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

import typer
from boto3.session import Session
from botocore.exceptions import BotoCoreError, ClientError

StackName = Annotated[
    str | None,
    typer.Option(
        "--stack", envvar="CITY_STACK", help="A deployed stack; without it, the local city."
    ),
]

STATE = Path(__file__).resolve().parents[1] / ".sandbox"


@dataclass(frozen=True)
class Stack:
    """A deployed stack and the AWS it is in; addresses only where they differ from the outputs."""

    name: str
    session: Session
    token_url: str | None = None
    url: str | None = None

    @property
    def api_url(self) -> str:
        """Where the APIs answer."""
        return self.url or self.outputs["ApiUrl"]

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs by name. Ends the command when the stack cannot be read."""
        try:
            [stack] = self.session.client("cloudformation").describe_stacks(StackName=self.name)[
                "Stacks"
            ]
        except (BotoCoreError, ClientError) as error:
            hint = " Is the city running (`make run`)?" if self.token_url else ""
            raise typer.BadParameter(f"stack {self.name} cannot be read: {error}.{hint}") from error
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def physical_id(self, logical: str) -> str:
        """What AWS calls a resource of the template."""
        formation = self.session.client("cloudformation")
        found = formation.describe_stack_resource(StackName=self.name, LogicalResourceId=logical)
        return found["StackResourceDetail"]["PhysicalResourceId"]


def find(name: str | None) -> Stack:
    """The stack of this name in the AWS account of the environment; without a name, the local city."""
    return Stack(name, Session()) if name else _local()


def _local() -> Stack:
    record = Path(os.environ.get("SANDBOX_STATE") or STATE) / "city.json"
    if not record.exists():
        raise typer.BadParameter(
            "no city runs on this machine: start one with `make run`, or name a --stack"
        )
    city = json.loads(record.read_text())
    # also for the services that make clients of their own
    os.environ |= {
        "AWS_ENDPOINT_URL": city["aws"],
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": city["region"],
    }
    session = Session("test", "test", region_name=city["region"])
    return Stack(city["stack"], session, f"{city['aws']}/oauth2/token", city["url"])
