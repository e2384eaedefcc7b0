"""What the services of OAuth refuse, by the error codes of RFC 6749 §5.2."""

from city.errors import CityError


class OAuthError(CityError):
    """A refusal with an error code of RFC 6749 §5.2."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


def invalid_request(description: str) -> OAuthError:
    """A parameter is missing, repeated or malformed."""
    return OAuthError("invalid_request", description)


def invalid_client() -> OAuthError:
    """One refusal, whether the client is unknown, its secret wrong, or its secret missing."""
    return OAuthError("invalid_client", "client authentication failed")


def invalid_grant(description: str) -> OAuthError:
    """The code, refresh token or password is not valid, or belongs to another client."""
    return OAuthError("invalid_grant", description)
