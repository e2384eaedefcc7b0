"""What an operator does with AWS credentials before, or without, the HTTP API."""

from typing import TYPE_CHECKING

import typer

from city.errors import CityError
from city.json import parse
from city.policy import Caller, Subject
from city.policy.grants import UNLIMITED
from security.bootstrap import Administrator, City
from security.bootstrap import bootstrap as first_rights
from security.keyrock.migration import Report
from security.services import Services
from security.settings import ApiSettings

if TYPE_CHECKING:
    from cli.stack import Stack

OPERATOR = "operator"
"""Who the audit says it was: somebody with AWS credentials."""


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


def import_keyrock(stack: "Stack", export: bytes) -> Report:
    """Take over what an export of Keyrock has. Ends with refusals."""
    outputs = stack.outputs
    services = Services(
        ApiSettings(
            stage="dev",
            security_table=outputs["SecurityTableName"],
            user_pool_id=outputs["UserPoolId"],
            login_client_id=outputs["LoginClientId"],
            login_url="",
            token_issuer="",
            token_jwks_url="",
        ),
        stack.session.client("dynamodb"),
    )
    operator = Caller(Subject(OPERATOR), UNLIMITED)
    try:
        return services.registry.keyrock_import.run(operator, parse(export))
    except (CityError, ValueError) as refusal:
        raise typer.BadParameter(str(refusal)) from refusal
