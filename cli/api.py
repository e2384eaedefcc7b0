"""Requests to the HTTP API of a city with the token of its machine client, as an operator's."""

import json
from collections.abc import Iterator
from functools import cached_property
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

import typer

from cli import tokens
from cli.stack import Stack

Answer = dict[str, Any]


class Refused(typer.Exit):
    """The API has refused; the message is on standard error."""

    def __init__(self, status: int, message: str) -> None:
        typer.echo(f"The city refuses ({status}): {message}", err=True)
        super().__init__(1)


class Api:
    """The security API of a stack."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def get(self, path: str, **query: object) -> Answer:
        """The JSON object at a path; parameters that are None are left out."""
        given = {name.rstrip("_"): value for name, value in query.items() if value is not None}
        return self.send("GET", f"{path}?{urlencode(given)}" if given else path)

    def pages(self, path: str, members: str, **query: object) -> Iterator[Answer]:
        """The members of a paged list, which is read as they are taken."""
        token = None
        while True:
            page = self.get(path, token=token, **query)
            yield from page[members]
            token = page.get("next")
            if token is None:
                return

    def post(self, path: str, body: object = None) -> Answer:
        """The answer to a body."""
        return self.send("POST", path, body)

    def delete(self, path: str) -> None:
        """Delete what is at a path."""
        self.send("DELETE", path)

    def send(self, method: str, path: str, body: object = None) -> Answer:
        """Make one request; the JSON object answered, empty without. Ends the command if refused."""
        request = Request(  # noqa: S310 - the address is an output of the stack
            f"{self._stack.api_url}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
            },
            method=method,
        )
        try:
            with urlopen(request, timeout=30) as response:  # noqa: S310
                content = response.read()
        except HTTPError as refusal:
            raise Refused(refusal.code, _message(refusal.read())) from refusal
        except URLError as error:
            raise typer.BadParameter(
                f"{request.full_url} does not answer: {error.reason}"
            ) from error
        answer: Answer = json.loads(content) if content else {}
        return answer

    @cached_property
    def _token(self) -> str:
        return tokens.token(self._stack)


def part(text: str) -> str:
    """A text as one part of a path."""
    return quote(text, safe="")


def _message(body: bytes) -> str:
    """What a refusal says, in any of the formats of our APIs."""
    try:
        refusal = json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
    error = refusal.get("error")
    if isinstance(error, dict):
        return str(error.get("message"))
    return str(refusal.get("detail") or refusal.get("error_description") or error or refusal)
