"""Where ministack differs from AWS, or does not suit a city that runs for days: changed in place.

These reach into ministack 1.5.33, which sandbox/requirements.txt pins; tests/sandbox notice when one
no longer holds.
"""

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import parse_qsl

from sandbox import bundles

_log = logging.getLogger(__name__)

BACKGROUND = ("HistoryArchive", "HistoryCompact", "HistorySchedule")
"""In the names of functions that nobody waits for."""

NICE = 5

STREAM_RETENTION_SECONDS = 600
"""AWS keeps a day of changes; here they are memory, and only a trigger that fails needs old ones."""


def adapt(state: Path) -> None:
    """Change ministack, before it serves. Needs the prepared environment."""
    from ministack.core import iam_actions, lambda_runtime  # noqa: PLC0415
    from ministack.services import cognito, dynamodb, lambda_svc  # noqa: PLC0415

    dynamodb._STREAM_RETENTION_SECONDS = STREAM_RETENTION_SECONDS
    cognito._oauth2_token = _rotating(cognito, cognito._oauth2_token)
    iam_actions._action_from_target = _batches_as_singles(iam_actions._action_from_target)
    lambda_runtime.zipfile = bundles.unpacking_once(state / "bundles")
    log = (state / "logs" / "functions.log").open("a", buffering=1)
    lambda_runtime.Worker._read_stderr = _copying_to(log)
    lambda_runtime.Worker._drain_stderr_bounded = lambda _worker: ""
    lambda_svc._emit_lambda_logs = _noting_failures_in(log)
    _gather_changes(lambda_svc)
    lambda_svc._sqs_esm_concurrency = _calmly(lambda_svc._sqs_esm_concurrency)


def forget_stream_positions() -> None:
    """Drop how far triggers had read: the changes themselves are not saved, and numbering starts anew.

    Kept, the positions would make every trigger deaf to as many changes as it had seen before. To
    be called once the saved state is loaded.
    """
    from ministack.services import lambda_svc  # noqa: PLC0415

    lambda_svc._dynamodb_stream_positions.clear()


def forget_changes() -> None:
    """Drop the changes of all tables that no trigger has read yet."""
    from ministack.services import dynamodb  # noqa: PLC0415

    for (account, region, table), records in list(dynamodb._stream_records.all_items()):
        trimmed = dynamodb._stream_trimmed.get_scoped(account, region, table, 0)
        count = len(records)
        del records[:count]
        dynamodb._stream_trimmed.set_scoped(account, region, table, trimmed + count)


_thread = threading.local()
"""`gathers`: whether this thread polls the triggers that have a batching window, or the others."""


def hand_over_changes() -> None:
    """Give triggers with a batching window what has come since they were polled."""
    from ministack.services import lambda_svc  # noqa: PLC0415

    _thread.gathers = True
    try:
        while lambda_svc._poll_dynamodb_streams():
            pass
    except Exception:
        _log.exception("changes could not be handed over")
    finally:
        _thread.gathers = False


def _gather_changes(triggers: Any) -> None:
    """Honour batching windows: triggers that have one are polled once in it, on a thread of their own.

    ministack ignores the windows and polls all triggers in turn, so that a function that gathers
    changes would hold up those that are to be quick.
    """
    every = triggers._iter_all_esms

    def window(found: Any) -> int:
        return int(found[2].get("MaximumBatchingWindowInSeconds") or 0)

    def mine() -> Iterator[Any]:
        gathers = getattr(_thread, "gathers", False)
        return (found for found in every() if bool(window(found)) == gathers)

    def gather() -> None:
        while True:
            time.sleep(min(filter(None, map(window, every())), default=1))
            hand_over_changes()

    triggers._iter_all_esms = mine
    threading.Thread(target=gather, daemon=True).start()


def _calmly(limit: Callable[..., int]) -> Callable[..., int]:
    """How many batches of a queue go to a function at once: of tasks one, which AWS cannot be told."""

    def batches(mapping: dict[str, Any], *others: Any) -> int:
        return 1 if "HistoryCompact" in mapping["FunctionName"] else limit(mapping, *others)

    return batches


def _rotating(cognito: Any, exchange: Callable[..., Any]) -> Callable[..., Any]:
    """The token endpoint with refresh tokens that work once, as every client of the template has it."""

    def token(query: Any, parameters: Any, body: bytes = b"", headers: Any = None) -> Any:
        status, fields, answer = exchange(query, parameters, body, headers)
        old = dict(parse_qsl(body.decode(errors="replace"))).get("refresh_token")
        if status != HTTPStatus.OK or old is None:
            return status, fields, answer
        kept, claims = cognito._refresh_tokens.pop(old, None), cognito._token_claims(old)
        pool = claims["iss"].rpartition("/")[2]
        session = {name: claims[name] for name in ("origin_jti", "scope") if name in claims}
        new = cognito._fake_token(claims["sub"], pool, claims["client_id"], "refresh", **session)
        cognito._revoked_tokens.add(old)
        if kept is not None:
            cognito._refresh_tokens[new] = kept
        return status, fields, json.dumps(json.loads(answer) | {"refresh_token": new}).encode()

    return token


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

    It is called once a process has started, so what nobody waits for is made to give way here.
    ministack would keep the lines for the end of each invocation, and wait for more of them there:
    5 ms, or 50 ms when a function prints nothing.
    """

    def read(worker: Any) -> None:
        if any(name in worker.func_name for name in BACKGROUND):
            with suppress(ProcessLookupError):
                os.setpriority(os.PRIO_PROCESS, worker._proc.pid, NICE)
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
