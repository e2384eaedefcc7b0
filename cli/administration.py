"""What an operator does with AWS credentials before, or without, the HTTP API."""

from typing import TYPE_CHECKING

import typer

from city.errors import CityError
from security.bootstrap import Administrator, City
from security.bootstrap import bootstrap as first_rights

if TYPE_CHECKING:
    from cli.stack import Stack


def bootstrap(stack: "Stack", email: str, password: str | None, *, invite: bool) -> Administrator:
    """The first administrator of a stack, who is made unless he is there. Ends with refusals."""
    outputs = stack.outputs
    city = City(
        outputs["SecurityTableName"],
        outputs["UserPoolId"],
        outputs["ClientId"],
        outputs["LoginClientId"],
    )
    dynamodb, cognito = stack.session.client("dynamodb"), stack.session.client("cognito-idp")
    try:
        return first_rights(dynamodb, cognito, city, email, password=password, invite=invite)
    except CityError as refusal:
        raise typer.BadParameter(str(refusal)) from refusal
