"""The command: `python -m cli --help`."""

import os
from typing import Annotated

import typer

from cli import administration, stack, tokens
from cli.dead_letters import CHANGES, RETURNS, DeadLetters, ReplayError

StackName = Annotated[
    str | None,
    typer.Option(
        "--stack", envvar="CITY_STACK", help="A deployed stack; without it, the local city."
    ),
]

QUEUES = (*RETURNS, CHANGES)
PREVIEW = 300

app = typer.Typer(name="city", no_args_is_help=True, pretty_exceptions_enable=False)
dead_letters = typer.Typer(no_args_is_help=True)
app.add_typer(
    dead_letters, name="dead-letters", help="Notifications and changes that were given up."
)


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
