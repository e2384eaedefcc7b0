"""`city grants`, `keys`, `revoke`, `explain` and `audit`: who may do what, and who did."""

from typing import Annotated, Any

import typer

from cli import stack
from cli.api import Api, part
from cli.stack import StackName

grants = typer.Typer(no_args_is_help=True)
keys = typer.Typer(no_args_is_help=True)

GRANTS, KEYS = "/access/v1/grants", "/access/v1/keys"

Subject = Annotated[
    str, typer.Argument(help="Id of a user, application or API key; public for everybody.")
]
Tenant = Annotated[str, typer.Option(help='Tenant; "" is the default one, "*" means every tenant.')]
Actions = Annotated[
    list[str],
    typer.Option(
        "--action", help="read, create, update, delete, subscribe, register or admin; repeatable."
    ),
]
Path = Annotated[str | None, typer.Option(help="Service path, e.g. /parks/# (default: all).")]
Types = Annotated[list[str] | None, typer.Option("--type", help="Entity type; repeatable.")]
Ids = Annotated[list[str] | None, typer.Option("--id", help="Entity id; repeatable.")]
Attributes = Annotated[list[str] | None, typer.Option("--attribute", help="Attribute; repeatable.")]
Until = Annotated[str | None, typer.Option(help="When it ends, ISO 8601.")]


@grants.command("list")
def list_grants(
    subject: Annotated[str | None, typer.Option(help="Whose grants.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Grants about which tenant.")] = None,
    name: StackName = None,
) -> None:
    """Show the direct grants of a subject, or about a tenant."""
    found = Api(stack.find(name)).pages(GRANTS, "grants", subject=subject, tenant=tenant)
    for grant in found:
        typer.echo(f"{grant['id']}  {grant['subject']}  {_summary(grant)}")


@grants.command("create")
def create_grant(
    subject: Subject,
    tenant: Tenant,
    actions: Actions,
    *,
    path: Path = None,
    types: Types = None,
    ids: Ids = None,
    attributes: Attributes = None,
    until: Until = None,
    deny: Annotated[bool, typer.Option("--deny", help="Deny instead of allow.")] = False,
    name: StackName = None,
) -> None:
    """Let a subject do something, or deny it."""
    body = _grant(tenant, actions, path=path, types=types, ids=ids, attributes=attributes)
    body |= {"subject": subject, "effect": "deny" if deny else "allow"}
    if until is not None:
        body["validUntil"] = until
    made = Api(stack.find(name)).post(GRANTS, body)
    typer.echo(f"{made['id']}  {made['subject']}  {_summary(made)}")


@grants.command("delete")
def delete_grant(
    subject: Subject,
    grant: Annotated[str, typer.Argument(help="Id of the grant.")],
    name: StackName = None,
) -> None:
    """Take a grant away."""
    Api(stack.find(name)).delete(f"{GRANTS}/{part(subject)}/{part(grant)}")


@keys.command("list")
def list_keys(
    owner: Annotated[
        str | None, typer.Option(help="Whose keys; else the machine client's.")
    ] = None,
    name: StackName = None,
) -> None:
    """Show API keys: id, when they were made, name."""
    for key in Api(stack.find(name)).pages(KEYS, "keys", owner=owner):
        typer.echo(f"{key['id']}  {key['createdAt']}  {key['name']}")


@keys.command("create")
def create_key(
    title: Annotated[str, typer.Argument(help="Name of the key.")],
    tenant: Tenant,
    actions: Actions,
    *,
    scope: Annotated[
        list[str], typer.Option(help="APIs it is for, e.g. context/read; repeatable.")
    ],
    path: Path = None,
    types: Types = None,
    ids: Ids = None,
    attributes: Attributes = None,
    origin: Annotated[list[str] | None, typer.Option(help="Accepted Origin; repeatable.")] = None,
    network: Annotated[list[str] | None, typer.Option(help="Accepted CIDR; repeatable.")] = None,
    until: Until = None,
    name: StackName = None,
) -> None:
    """Make an API key of the machine client; its text is shown once."""
    body = {
        "name": title,
        "grants": [_grant(tenant, actions, path=path, types=types, ids=ids, attributes=attributes)],
        "scopes": scope,
        "origins": origin or [],
        "networks": network or [],
        "validUntil": until,
    }
    made = Api(stack.find(name)).post(KEYS, body)
    typer.echo(f"Key {made['id']}, shown this once:\n{made['key']}")


@keys.command("rotate")
def rotate_key(
    key: Annotated[str, typer.Argument(help="Id of the key.")], name: StackName = None
) -> None:
    """Give a key a new secret; its text is shown once, the one before is refused."""
    typer.echo(Api(stack.find(name)).post(f"{KEYS}/{part(key)}/rotate")["key"])


@keys.command("delete")
def delete_key(
    key: Annotated[str, typer.Argument(help="Id of the key.")], name: StackName = None
) -> None:
    """Revoke a key."""
    Api(stack.find(name)).delete(f"{KEYS}/{part(key)}")


def revoke(
    subject: Subject,
    session: Annotated[
        str | None, typer.Option(help="Only the session (origin_jti) or token (jti) of this id.")
    ] = None,
    name: StackName = None,
) -> None:
    """Let all tokens die that were issued to a subject so far."""
    body = None if session is None else {"session": session}
    Api(stack.find(name)).post(f"/access/v1/subjects/{part(subject)}/revoke", body)


def explain(
    subject: Subject,
    action: Annotated[str, typer.Argument(help="What it wants to do, e.g. read.")],
    tenant: Tenant,
    *,
    id: Annotated[str, typer.Option(help="Entity id.")],
    type: Annotated[str, typer.Option(help="Entity type.")],
    path: Annotated[str, typer.Option(help="Service path of the entity.")] = "/",
    attribute: Annotated[str | None, typer.Option(help="One attribute of it.")] = None,
    name: StackName = None,
) -> None:
    """Say whether a subject may do something with an entity, and why."""
    properties = {"tenant": tenant, "servicePath": path, "type": type}
    if attribute is not None:
        properties["attribute"] = attribute
    question = {
        "subject": {"type": "subject", "id": subject},
        "action": {"name": action},
        "resource": {"type": "entity", "id": id, "properties": properties},
    }
    answer = Api(stack.find(name)).post("/access/v1/explain", question)
    typer.echo(f"{'Allowed' if answer['decision'] else 'Denied'}: {answer['reason']}")
    if decided := answer.get("decidedBy"):
        typer.echo(f"  by {_summary(decided)}")
    for near in answer.get("missing", {}).get("nearest", []):
        typer.echo(f"  nearest: {near}")


def audit(
    *,
    tenant: Annotated[
        str | None, typer.Option(help='Tenant ("" is the default one); else the platform.')
    ] = None,
    actor: Annotated[str | None, typer.Option(help="Only what this subject did.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this action.")] = None,
    outcome: Annotated[str | None, typer.Option(help="done, refused or allowed.")] = None,
    since: Annotated[str | None, typer.Option(help="From when, ISO 8601.")] = None,
    until: Annotated[str | None, typer.Option(help="Until when, ISO 8601.")] = None,
    limit: Annotated[int, typer.Option(help="How many entries at most.")] = 100,
    name: StackName = None,
) -> None:
    """Show who changed what and who was refused what, the newest first."""
    chosen = {"tenant": tenant, "actor": actor, "action": action, "outcome": outcome}
    entries = Api(stack.find(name)).pages(
        "/access/v1/audit", "entries", **chosen, from_=since, to=until
    )
    for _, entry in zip(range(limit), entries, strict=False):
        detail = " ".join(f"{name}={value}" for name, value in entry.get("detail", {}).items())
        line = "{time}  {actor}  {action}  {target}  {outcome}".format_map(entry)
        typer.echo(f"{line}  {detail}".rstrip())


def _grant(
    tenant: str,
    actions: list[str],
    *,
    path: str | None,
    types: list[str] | None,
    ids: list[str] | None,
    attributes: list[str] | None,
) -> dict[str, Any]:
    """A grant in its wire form."""
    limits = {"servicePath": path, "types": types, "ids": ids, "attributes": attributes}
    given = {name: value for name, value in limits.items() if value}
    return {"tenant": tenant, "actions": actions, **given}


def _summary(grant: dict[str, Any]) -> str:
    """A grant in one line."""
    limits = ("types", "ids", "idPattern", "attributes", "validFrom", "validUntil", "origin")
    shown = [f"{name}={_joined(grant[name])}" for name in limits if name in grant]
    actions, tenant = _joined(grant.get("actions", [])), grant.get("tenant", "")
    where = f"in {tenant or 'the default tenant'} {grant.get('servicePath', '')}"
    return " ".join([grant.get("effect", ""), actions, where, *shown]).strip()


def _joined(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)
