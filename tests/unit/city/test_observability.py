"""Logs: JSON lines with what happened, and none of the libraries' own."""

import logging

from city.observability import logger


def test_one_logger_per_service() -> None:
    assert logger("context-api", "dev") is logger("context-api", "dev")
    assert logger("context-api", "dev") is not logger("context-sender", "dev")


def test_libraries_do_not_log_requests_of_their_own() -> None:
    logger("context-api", "dev")
    for name in ("mangum.http", "botocore", "urllib3"):
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)
        assert logging.getLogger(name).isEnabledFor(logging.WARNING)
