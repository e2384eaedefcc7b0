"""Where ministack differs from AWS, or does not suit a city that runs for days: changed in place.

These reach into ministack 1.5.33, which sandbox/requirements.txt pins; tests/sandbox notice when one
no longer holds.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    lambda_svc._emit_lambda_logs = _log_to(state / "logs" / "functions.log")


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


def _log_to(path: Path) -> Any:
    """What ministack calls with each invocation's output: a file instead of CloudWatch in memory.

    There every invocation is a stream of its own that is never removed, some 3 KB each.
    """
    log = path.open("a", buffering=1)

    def write(
        function: dict[str, Any], request: str, text: str, error: bool, milliseconds: int, **_: Any
    ) -> None:
        if text:
            log.write(text + "\n")
        if error:
            name = (function.get("config") or function).get("FunctionName")
            log.write(f"{name} failed after {milliseconds} ms, request {request}\n")

    return write
