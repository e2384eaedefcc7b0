"""The environment variables of the security function."""

from typing import Self

from pydantic import model_validator

from city.settings import AccessSettings


class ApiSettings(AccessSettings):
    """security.api.

    - `user_pool_id`: the Cognito user pool; `login_url`: where its hosted login and its token
      endpoint answer.
    - `login_client_id`: the public client with which people sign in at the hosted login.
    - `public_url`: where the APIs answer, if not where a request says (a domain of the city's own).
    - `password_grant`: whether `/oauth2/token` takes passwords, as Keyrock's does (never in prod).
    """

    user_pool_id: str
    login_url: str
    login_client_id: str = ""
    public_url: str = ""
    password_grant: bool = False
    max_body_bytes: int = 1_048_576

    @model_validator(mode="after")
    def _keep_passwords_out_of_prod(self) -> Self:
        if self.password_grant and self.stage == "prod":
            raise ValueError("password_grant may not be set in prod")
        return self
