"""`city users` and `city applications`: who can sign in, and on whose behalf programs act."""

import os
import secrets
from typing import Annotated

import typer

from cli import stack
from cli.api import Api, part
from cli.stack import StackName

users = typer.Typer(no_args_is_help=True)
applications = typer.Typer(no_args_is_help=True)

PASSWORD = "CITY_USER_PASSWORD"  # noqa: S105 - the name of a variable
GRANT_TYPES = "authorization_code,refresh_token,client_credentials"


@users.command("list")
def list_users(name: StackName = None) -> None:
    """Show every user: id, whether it may sign in, address, name."""
    for user in Api(stack.find(name)).get("/v1/users")["users"]:
        enabled = "enabled " if user["enabled"] else "disabled"
        typer.echo(f"{user['id']}  {enabled}  {user['email']}  {user['username']}")


@users.command("create")
def create_user(
    email: Annotated[str, typer.Argument(help="Address the user signs in with.")],
    username: Annotated[
        str | None, typer.Option(help="Name that is shown; else the address'.")
    ] = None,
    name: StackName = None,
) -> None:
    """Make a user with the password of CITY_USER_PASSWORD, or one that is made and shown once."""
    given = os.environ.get(PASSWORD)
    password = given or f"{secrets.token_urlsafe(15)}-Aa1"
    user = {"username": username or email.partition("@")[0], "email": email, "password": password}
    made = Api(stack.find(name)).post("/v1/users", {"user": user})["user"]
    typer.echo(f"User {made['id']}")
    if given is None:
        typer.echo(f"Password, shown this once: {password}")


@users.command("disable")
def disable_user(
    subject: Annotated[str, typer.Argument(help="Id of a user, application or API key.")],
    name: StackName = None,
) -> None:
    """Accept nothing of a user, an application or a key any more."""
    Api(stack.find(name)).post(f"/access/v1/subjects/{part(subject)}/disable")


@users.command("enable")
def enable_user(
    subject: Annotated[str, typer.Argument(help="Id of a user, application or API key.")],
    name: StackName = None,
) -> None:
    """Accept it again."""
    Api(stack.find(name)).post(f"/access/v1/subjects/{part(subject)}/enable")


@applications.command("list")
def list_applications(name: StackName = None) -> None:
    """Show every application: id and name."""
    for one in Api(stack.find(name)).get("/v1/applications")["applications"]:
        typer.echo(f"{one['id']}  {one['name']}")


@applications.command("create")
def create_application(
    title: Annotated[str, typer.Argument(help="Name of the application.")],
    redirect: Annotated[
        str | None, typer.Option(help="Where sign-in returns to; without it, a machine only.")
    ] = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="APIs it may use, e.g. context/read.")
    ] = None,
    name: StackName = None,
) -> None:
    """Register an application; its secret is shown once."""
    application: dict[str, object] = {"name": title, "grant_type": ["client_credentials"]}
    if redirect:
        application |= {"redirect_uri": redirect, "grant_type": GRANT_TYPES.split(",")}
    if scope:
        application["scope"] = scope
    made = Api(stack.find(name)).post("/v1/applications", {"application": application})
    typer.echo(f"Application {made['application']['id']}")
    typer.echo(f"Secret, shown this once: {made['application']['secret']}")


@applications.command("delete")
def delete_application(
    application: Annotated[str, typer.Argument(help="Id of the application.")],
    name: StackName = None,
) -> None:
    """Delete an application with its roles, permissions and agents."""
    Api(stack.find(name)).delete(f"/v1/applications/{part(application)}")
