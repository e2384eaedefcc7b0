"""Structured logs and metrics, the same in every function. No tracer: it costs 350 ms of start.

The loggers take the names of what they log, never request bodies, tokens or header values.
"""

import sys
from functools import cache
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger

from city.settings import Stage

if TYPE_CHECKING:
    from aws_lambda_powertools import Metrics

NAMESPACE = "SynchroniCity"


@cache
def logger(service: str, stage: Stage) -> Logger:
    """The JSON logger of a service ("context-api"); the level comes from POWERTOOLS_LOG_LEVEL.

    On Lambda it writes to standard output. The local city reads standard error, where the runtime
    of its embedded AWS waits for the first line.
    """
    stream = sys.stderr if stage == "sandbox" else sys.stdout
    return Logger(service=service, stream=stream, serialize_stacktrace=False)


@cache
def metrics(service: str) -> "Metrics":
    """Metrics of a service in CloudWatch's embedded format; call `flush_metrics` when done."""
    from aws_lambda_powertools import Metrics  # noqa: PLC0415 - most functions count nothing

    return Metrics(namespace=NAMESPACE, service=service)
