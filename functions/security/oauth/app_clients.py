"""App clients as the user pool describes them."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from security.cognito import refusal, translated
from security.oauth.clients import Client, Describe

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

PASSWORD_FLOW = "ALLOW_USER_PASSWORD_AUTH"  # noqa: S105 - the name of a flow


def describe_from(cognito: "CognitoIdentityProviderClient", pool_id: str) -> Describe:
    """What looks up a client of the pool by its id; None for one that is not there."""

    def describe(client_id: str) -> Client | None:
        try:
            with translated():
                answer = cognito.describe_user_pool_client(UserPoolId=pool_id, ClientId=client_id)
        except ClientError as error:
            if refusal(error) in {"ResourceNotFoundException", "InvalidParameterException"}:
                return None
            raise
        found = answer["UserPoolClient"]
        return Client(
            client_id,
            found.get("ClientSecret"),
            frozenset(found.get("CallbackURLs", [])),
            takes_passwords=PASSWORD_FLOW in found.get("ExplicitAuthFlows", []),
        )

    return describe
