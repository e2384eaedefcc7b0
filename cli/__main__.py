"""The command: `python -m cli --help`."""

from typing import Annotated

import typer

from cli import stack, tokens

StackName = Annotated[
    str | None,
    typer.Option(
        "--stack", envvar="CITY_STACK", help="A deployed stack; without it, the local city."
    ),
]

app = typer.Typer(name="city", no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def city() -> None:
    """Operate a city."""


@app.command()
def token(name: StackName = None) -> None:
    """Print an access token for the machine client."""
    typer.echo(tokens.token(stack.find(name)))


if __name__ == "__main__":
    app()
