"""Structured logs, the same in every function. No tracer of our own: it costs 350 ms of start.

A log line names what happened and who asked; never bodies, tokens, header values or identifiers
of things, which may be personal.
"""

import logging
import sys
from functools import cache

from aws_lambda_powertools import Logger

from city.settings import Stage


@cache
def logger(service: str, stage: Stage) -> Logger:
    """The JSON logger of a service ("context-api").

    Its level is Lambda's application log level. On Lambda it writes to standard output. The local
    city reads standard error, where the runtime of its embedded AWS waits for the first line.
    """
    # libraries log paths and repeat what our one line says; on Lambda every line is paid for
    logging.getLogger().setLevel(logging.WARNING)
    stream = sys.stderr if stage == "sandbox" else sys.stdout
    return Logger(service=service, stream=stream, serialize_stacktrace=False)
