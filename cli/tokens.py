"""Tokens by client credentials, from the user pool of a city."""

import base64
import json
from typing import cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import typer

from cli.stack import Stack


def token(stack: Stack) -> str:
    """An access token for the stack's machine client, with every scope it may have."""
    request = Request(  # noqa: S310 - the address is an output of the stack
        stack.token_url or stack.outputs["TokenUrl"],
        data=urlencode({"grant_type": "client_credentials"}).encode(),
        headers={
            "Authorization": f"Basic {_credentials(stack)}",
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )
    try:
        with urlopen(request, timeout=10) as response:  # noqa: S310
            return cast("str", json.load(response)["access_token"])
    except HTTPError as error:
        raise typer.BadParameter(f"no token: {error.read().decode(errors='replace')}") from error
    except URLError as error:
        raise typer.BadParameter(f"{request.full_url} does not answer: {error.reason}") from error


def _credentials(stack: Stack) -> str:
    client = stack.session.client("cognito-idp").describe_user_pool_client(
        UserPoolId=stack.outputs["UserPoolId"], ClientId=stack.outputs["ClientId"]
    )["UserPoolClient"]
    return base64.b64encode(f"{client['ClientId']}:{client['ClientSecret']}".encode()).decode()
