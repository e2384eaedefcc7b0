"""What a function loads until it can answer its first request: the cold start, in modules.

Counted in a process of its own, with the DynamoDB client made. Time would depend on the machine.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATH = os.pathsep.join(str(ROOT / part) for part in ("functions", "layers/core", "."))

ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "eu-west-1",
    "STAGE": "dev",
    "CONTEXT_TABLE": "context",
    "SECURITY_TABLE": "security",
    "NOTIFICATION_QUEUE_URL": "https://sqs.invalid/notifications.fifo",
    "RETRY_QUEUE_URL": "https://sqs.invalid/retries",
    "NOTIFICATION_DEAD_LETTER_QUEUE_URL": "https://sqs.invalid/dead-notifications.fifo",
    "STREAM_DEAD_LETTER_QUEUE_URL": "https://sqs.invalid/dead-changes",
    "HISTORY_TABLE": "history",
    "HISTORY_BUCKET": "history",
    "HISTORY_TASK_QUEUE_URL": "https://sqs.invalid/tasks",
    "HISTORY_TASK_DEAD_LETTER_QUEUE_URL": "https://sqs.invalid/dead-tasks",
    "ARCHIVE_DEAD_LETTER_QUEUE_URL": "https://sqs.invalid/dead-records",
    "ATHENA_WORKGROUP": "history",
    "ATHENA_DATABASE": "city",
    "USER_POOL_ID": "eu-west-1_aaaaaaaaa",
    "LOGIN_URL": "https://login.invalid",
    "TOKEN_ISSUER": "https://issuer.invalid",
    "TOKEN_JWKS_URL": "https://issuer.invalid/jwks.json",
}

WEB = {"fastapi", "starlette", "mangum", "anyio", "httptools", "uvicorn"}
ONLY_WHEN_USED = {
    *("shapely", "numpy", "s2sphere", "re2", "joserfc", "cryptography"),
    *("duckdb", "_duckdb", "duckdb_extension_httpfs"),
}
NEVER = {"aws_xray_sdk", "pytest", "moto", "email_validator", "sqlglot", "rdflib"}


def loaded_by(handler: str) -> set[str]:
    """Names of all modules in a fresh process that has imported a handler and made its client."""
    code = f"import sys, {handler}; from city.aws import client; client('dynamodb'); "
    return set(printed_by(code + "print(*sys.modules)").split())


def printed_by(code: str) -> str:
    """What Python prints in a fresh process with the variables of all functions."""
    completed = subprocess.run(
        [sys.executable, "-c", code],
        env=ENVIRONMENT | {"PYTHONPATH": PATH},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert completed.returncode == 0, completed.stderr
    return completed.stdout


def packages(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


@pytest.mark.parametrize(
    ("handler", "forbidden", "ceiling"),
    [
        ("context.api", ONLY_WHEN_USED | NEVER, 740),
        ("context.matcher", WEB | ONLY_WHEN_USED | NEVER, 580),
        ("context.sender", WEB | ONLY_WHEN_USED | NEVER, 580),
        ("security.api", ONLY_WHEN_USED | NEVER, 800),
        ("history.api", ONLY_WHEN_USED | NEVER, 860),
        ("history.archive", WEB | ONLY_WHEN_USED | NEVER, 580),
        ("history.compact", WEB | ONLY_WHEN_USED | NEVER, 600),
        ("history.schedule", WEB | ONLY_WHEN_USED | NEVER, 580),
    ],
)
def test_function_loads_only_what_its_first_request_needs(
    handler: str, forbidden: set[str], ceiling: int
) -> None:
    modules = loaded_by(handler)
    assert packages(modules) & forbidden == set()
    assert len(modules) <= ceiling, sorted(packages(modules))


def test_security_function_makes_the_client_of_the_user_pool_only_when_used() -> None:
    """botocore reads a description of it that is larger than that of DynamoDB."""
    code = "import security.api; from city.aws import client; client('dynamodb'); "
    assert printed_by(code + "print(client.cache_info().currsize)") == "1\n"
