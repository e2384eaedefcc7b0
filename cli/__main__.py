"""The command: `python -m cli --help`."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from cli import administration, history, identities, rights, stack, tokens
from cli.api import Api, part
from cli.dead_letters import QUEUES, DeadLetters, ReplayError
from cli.stack import StackName

PREVIEW = 300

app = typer.Typer(name="city", no_args_is_help=True, pretty_exceptions_enable=False)
dead_letters = typer.Typer(no_args_is_help=True)
app.add_typer(
    dead_letters, name="dead-letters", help="Notifications, changes and tasks that were given up."
)
app.add_typer(identities.users, name="users", help="Who can sign in.")
app.add_typer(identities.applications, name="applications", help="Programs that people sign in to.")
app.add_typer(rights.grants, name="grants", help="Who may do what with which data.")
app.add_typer(history.history, name="history", help="What the history keeps, and erasing from it.")
app.add_typer(rights.keys, name="keys", help="API keys of the machine client.")
for command in (rights.revoke, rights.explain, rights.audit):
    app.command()(command)


@app.callback()
def city() -> None:
    """Operate a city."""


@app.command()
def token(name: StackName = None) -> None:
    """Print an access token for the machine client."""
    typer.echo(tokens.token(stack.find(name)))


@app.command()
def bootstrap(
    email: Annotated[str, typer.Argument(help="Address of the first administrator.")],
    name: StackName = None,
    invite: Annotated[
        bool, typer.Option("--invite", help="Send an invitation mail instead of a password.")
    ] = False,
) -> None:
    """Give a new city its first rights and its first administrator; again does no harm.

    The administrator's password is that of CITY_ADMIN_PASSWORD, if it is set.
    """
    password = os.environ.get("CITY_ADMIN_PASSWORD")
    made = administration.bootstrap(stack.find(name), email, password, invite=invite)
    typer.echo(f"Administrator {email} ({made.id}) {'was made' if made.is_new else 'is there'}.")
    if made.password:
        typer.echo(f"One-time password, to be changed at the first sign-in: {made.password}")


@app.command("import-keyrock")
def import_keyrock(
    file: Annotated[Path, typer.Argument(help="The export: JSON.", exists=True, dir_okay=False)],
    name: StackName = None,
) -> None:
    """Take users, organisations and applications over from a Keyrock; again does no harm."""
    report = administration.import_keyrock(stack.find(name), file.read_bytes())
    for kind in sorted({*report.made, *report.found}):
        made, found = report.made.get(kind, 0), report.found.get(kind, 0)
        typer.echo(f"{kind}: {made} made, {found} were there")
    for application, secret in report.secrets.items():
        typer.echo(f"Secret of application {application}, shown this once: {secret}")
    for problem in report.problems:
        typer.echo(problem, err=True)


@app.command()
def erase(
    subject: Annotated[str | None, typer.Argument(help="Id of the user to erase.")] = None,
    replay: Annotated[
        bool, typer.Option("--replay", help="Erase again whom a restored backup brought back.")
    ] = False,
    ledger: Annotated[
        Path | None, typer.Option(help="A ledger kept elsewhere, as `city erasures` prints it.")
    ] = None,
    name: StackName = None,
) -> None:
    """Erase a user with all that is known of it, or apply the ledger of erasures again."""
    if replay == (subject is not None):
        raise typer.BadParameter("name a user, or say --replay")
    api = Api(stack.find(name))
    if subject is not None:
        api.delete(f"/v1/users/{part(subject)}")
        return
    known = json.loads(ledger.read_text()) if ledger else {}
    answer = api.post("/access/v1/erasures/replay", known)
    typer.echo(json.dumps(answer))


@app.command()
def erasures(name: StackName = None) -> None:
    """Print the ledger of erasures, to be kept elsewhere; nothing in it tells who was erased."""
    typer.echo(json.dumps(Api(stack.find(name)).get("/access/v1/erasures")))


@dead_letters.command("list")
def list_letters(
    name: StackName = None,
    limit: Annotated[int, typer.Option(help="How many letters of each queue to show.")] = 20,
) -> None:
    """Show what was given up and why; nothing is removed."""
    letters = DeadLetters(stack.find(name))
    for queue in QUEUES:
        typer.echo(f"{queue.removesuffix('Url')}: {letters.count(queue)}")
        for letter in letters.look(queue, limit):
            typer.echo(f"  {letter.sent:%Y-%m-%dT%H:%M:%SZ}  {letter.reason or 'no reason given'}")
            typer.echo(f"    {letter.body[:PREVIEW]}")


@dead_letters.command()
def replay(name: StackName = None) -> None:
    """Deliver the notifications and match the changes again."""
    letters = DeadLetters(stack.find(name))
    for queue in QUEUES:
        replayed = 0
        try:
            for _ in letters.replay(queue):
                replayed += 1
        except ReplayError as refusal:
            typer.echo(f"{queue.removesuffix('Url')}: refused again: {refusal}", err=True)
            raise typer.Exit(1) from refusal
        finally:
            typer.echo(f"{queue.removesuffix('Url')}: {replayed} replayed")


if __name__ == "__main__":
    app(prog_name="city")
