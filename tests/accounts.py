"""Accounts for tests: since nobody may do anything without grants, a test that sends a token first
puts the accounts of its client (which must exist) and of its user, if there is one.

    put_account(dynamodb, security_table, "machine-1")                        # may do everything
    put_account(dynamodb, security_table, "user-7", grant("read", types=["Room"]), kind="user")
    put_account(dynamodb, security_table, "public", grant("read"), kind="public")

The fixture `security_table` is a fresh table; `headers` makes what `Policy.authorise` takes.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers

from city.dynamodb import to_item
from city.policy.accounts import Account, KeyTerms, Plan, account_row
from city.policy.credentials import key_subject, new_key
from city.policy.grant_forms import parse_grant
from city.policy.grants import ANY_TENANT, Action, Grant

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FULL_GRANTS = (Grant("full", frozenset(Action), ANY_TENANT),)
"""Everything everywhere, administration included."""


def put_account(
    client: "DynamoDBClient",
    table: str,
    subject: str,
    *grants: Grant,
    kind: str = "application",
    **members: Any,
) -> Account:
    """Write the account of a subject; without grants it gets FULL_GRANTS.

    `members` are further fields of `Account`, e.g. `active=False`, or `grants=()` for none at all.
    """
    account = Account(subject, kind, **{"grants": grants or FULL_GRANTS, **members})
    client.put_item(TableName=table, Item=to_item(account_row(account)))
    return account


def put_key(
    client: "DynamoDBClient",
    table: str,
    *grants: Grant,
    scopes: Iterable[str],
    plan: Plan | None = None,
) -> str:
    """Write the account of a new API key, with FULL_GRANTS unless others are given; its text."""
    made = new_key()
    put_account(
        client,
        table,
        key_subject(made.key_id),
        *grants,
        kind="key",
        key=KeyTerms(made.secret_hash),
        scopes=frozenset(scopes),
        plan=plan,
    )
    return made.text


def grant(*actions: str, id: str = "g-1", tenant: str = ANY_TENANT, **members: Any) -> Grant:
    """A grant from its wire form, e.g. `grant("read", servicePath="/parks/#")`."""
    return parse_grant(id, {"actions": list(actions), "tenant": tenant, **members})


def headers(**values: str | list[str]) -> Headers:
    """Request headers from names with underscores; a list repeats the header."""
    raw = [
        (name.replace("_", "-").encode(), one.encode())
        for name, given in values.items()
        for one in ([given] if isinstance(given, str) else given)
    ]
    return Headers(raw=raw)
