"""Where ministack differs from AWS, or does not suit a city that runs for days: changed in place.

These reach into ministack 1.5.33, which sandbox/requirements.txt pins; tests/sandbox notice when one
no longer holds.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from sandbox import bundles

STREAM_RETENTION_SECONDS = 600
"""AWS keeps a day of changes; here they are memory, and only a trigger that fails needs old ones."""


def adapt(state: Path) -> None:
    """Change ministack, before it serves. Needs the prepared environment."""
    from ministack.core import iam_actions, lambda_runtime  # noqa: PLC0415
    from ministack.services import dynamodb, lambda_svc  # noqa: PLC0415

    dynamodb._STREAM_RETENTION_SECONDS = STREAM_RETENTION_SECONDS
    iam_actions._action_from_target = _batches_as_singles(iam_actions._action_from_target)
    lambda_runtime.zipfile = bundles.unpacking_once(state / "bundles")
    log = (state / "logs" / "functions.log").open("a", buffering=1)
    lambda_runtime.Worker._read_stderr = _copying_to(log)
    lambda_runtime.Worker._drain_stderr_bounded = lambda _worker: ""
    lambda_svc._emit_lambda_logs = _noting_failures_in(log)


def forget_stream_positions() -> None:
    """Drop how far triggers had read: the changes themselves are not saved, and numbering starts anew.

    Kept, the positions would make every trigger deaf to as many changes as it had seen before. To
    be called once the saved state is loaded.
    """
    from ministack.services import lambda_svc  # noqa: PLC0415

    lambda_svc._dynamodb_stream_positions.clear()


def _batches_as_singles(
    named_action: Callable[[dict[str, str]], str | None],
) -> Callable[[dict[str, str]], str | None]:
    """The action a JSON request needs, as on AWS: who may send a message may send a batch of them."""

    def action(headers: dict[str, str]) -> str | None:
        name = named_action(headers)
        if name in {"SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"}:
            return name.removesuffix("Batch")
        return name

    return action


def _copying_to(log: TextIO) -> Callable[[Any], None]:
    """What reads a worker process's output: every line goes to the log as it comes.

    ministack would keep the lines for the end of each invocation, and wait for more of them there:
    5 ms, or 50 ms when a function prints nothing.
    """

    def read(worker: Any) -> None:
        log.writelines(worker._proc.stderr)

    return read


def _noting_failures_in(log: TextIO) -> Callable[..., None]:
    """What ministack calls after each invocation, instead of making it a CloudWatch stream of its own."""

    def note(
        function: dict[str, Any],
        request: str,
        trace: str,
        error: bool,
        milliseconds: int,
        **_: Any,
    ) -> None:
        if error:
            name = (function.get("config") or function).get("FunctionName")
            log.write(f"{trace}\n{name} failed after {milliseconds} ms, request {request}\n")

    return note
