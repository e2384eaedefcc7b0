"""What clients may know of the authorization server and the APIs it protects, as documents.

The issuer is Cognito's, because the tokens name it and clients compare; the endpoints are the
city's. RFC 8414 §3.3 wants a document to be found under its issuer's address, which Cognito alone
could do: a client that insists discovers from the issuer, and gets Cognito's own endpoints.
"""

from city.json import Json

GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")
PASSWORD = "password"  # noqa: S105 - the name of a grant type
IDENTITY = "openid"
"""The scope of tokens that tell who the user is."""
IDENTITY_SCOPES = (IDENTITY, "email", "profile")
API_SCOPES = (
    *("context/read", "context/write", "context/subscribe"),
    *("history/read", "history/write", "history/delete", "history/admin"),
    *("security/admin", "security/decide", "security/profile"),
)

_WITH_SECRET = ["client_secret_basic", "client_secret_post"]


def authorization_server(city: str, issuer: str, *, takes_passwords: bool) -> dict[str, Json]:
    """RFC 8414 and OpenID Connect Discovery 1.0; `city` is where the APIs answer."""
    oauth = f"{city}/oauth2"
    passwords = (PASSWORD,) if takes_passwords else ()
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{oauth}/authorize",
        "token_endpoint": f"{oauth}/token",
        "userinfo_endpoint": f"{oauth}/userinfo",
        "revocation_endpoint": f"{oauth}/revoke",
        "introspection_endpoint": f"{oauth}/introspect",
        "jwks_uri": f"{city}/.well-known/jwks.json",
        "scopes_supported": [*IDENTITY_SCOPES, *API_SCOPES],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [*GRANT_TYPES, *passwords],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": [*_WITH_SECRET, "none"],
        "revocation_endpoint_auth_methods_supported": [*_WITH_SECRET, "none"],
        "introspection_endpoint_auth_methods_supported": [*_WITH_SECRET],
        "authorization_response_iss_parameter_supported": False,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "email"],
    }


def protected_resource(city: str, issuer: str) -> dict[str, Json]:
    """RFC 9728: where to get tokens for the city's APIs, and how to send them."""
    return {
        "resource": city,
        "resource_name": "SynchroniCity",
        "authorization_servers": [issuer],
        "scopes_supported": [*API_SCOPES],
        "bearer_methods_supported": ["header"],
    }
