"""A user pool as the security function meets it: the HTTP endpoints of its domain, and three calls.

It behaves as Cognito is documented to: codes work once and only with their verifier, refresh tokens
rotate, tokens are signed with keys of its own. moto has no such endpoints.
"""

import json
import secrets
import threading
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import digest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from botocore.exceptions import ClientError
from joserfc.jwk import RSAKey
from joserfc.jwt import encode

ISSUER = "https://issuer.example/pool"
DIRECT = "aws.cognito.signin.user.admin"
KEY = RSAKey.generate_key(2048, {"kid": "access-1", "use": "sig", "alg": "RS256"})


class Refused(Exception):
    """The token endpoint refuses, with this error code."""


@dataclass
class Session:
    """What a code or refresh token stands for."""

    client: str
    user: str
    scope: str
    id: str
    challenge: str = ""
    redirect_uri: str = ""


@dataclass
class UserPool:
    """`requests` are the forms that came to the token endpoint; `outage` makes it answer so, and
    `fault` is what sign-in by password is refused with.
    """

    clients: dict[str, dict[str, Any]] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)
    requests: list[dict[str, str]] = field(default_factory=list)
    described: list[str] = field(default_factory=list)
    outage: tuple[int, bytes] | None = None
    fault: str = ""
    url: str = ""
    _codes: dict[str, Session] = field(default_factory=dict)
    _refresh_tokens: dict[str, Session] = field(default_factory=dict)
    _ended: set[str] = field(default_factory=set)

    def add_client(self, id: str, secret: str | None = None, **terms: Any) -> str:
        """An app client with these terms."""
        kept = {} if secret is None else {"ClientSecret": secret}
        self.clients[id] = {"ClientId": id, **kept, **terms}
        return id

    def code(self, client: str, verifier: str, redirect_uri: str, scope: str = "openid") -> str:
        """What the login page gives when a user has signed in."""
        challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
        code = secrets.token_urlsafe(16)
        session = Session(client, "user-1", scope, secrets.token_hex(8), challenge, redirect_uri)
        self._codes[code] = session
        return code

    def access_token(self, subject: str, client: str, scope: str, **claims: Any) -> str:
        """An access token of the pool; `claims` change it."""
        now = int(time.time())
        good = {
            "sub": subject,
            "client_id": client,
            "scope": scope,
            "token_use": "access",
            "iss": ISSUER,
            "iat": now,
            "exp": now + 3600,
            "jti": secrets.token_hex(8),
        }
        return encode({"alg": "RS256", "kid": "access-1"}, good | claims, KEY)

    def describe_user_pool_client(self, **request: str) -> Any:
        self.described.append(request["ClientId"])
        if request["ClientId"] not in self.clients:
            raise _client_error("ResourceNotFoundException")
        return {"UserPoolClient": self.clients[request["ClientId"]]}

    def initiate_auth(self, **request: Any) -> Any:
        if self.fault:
            raise _client_error(self.fault)
        client, parameters = request["ClientId"], request["AuthParameters"]
        user, secret = parameters["USERNAME"], self.clients[client].get("ClientSecret")
        proof = secret and digest(secret.encode(), (user + client).encode(), sha256)
        if proof and parameters.get("SECRET_HASH") != b64encode(proof).decode():
            raise _client_error("NotAuthorizedException")
        if self.users.get(user) == "temporary":
            return {"ChallengeName": "NEW_PASSWORD_REQUIRED"}
        if self.users.get(user) != parameters["PASSWORD"]:
            raise _client_error("UserNotFoundException")
        return _result(self._tokens(Session(client, "user-1", DIRECT, secrets.token_hex(8))))

    def get_tokens_from_refresh_token(self, **request: str) -> Any:
        client = self.clients[request["ClientId"]]
        if client.get("ClientSecret") != request.get("ClientSecret"):
            raise _client_error("NotAuthorizedException")
        form = {"client_id": request["ClientId"], "refresh_token": request["RefreshToken"]}
        try:
            return _result(self._refreshed(form))
        except Refused:
            raise _client_error("NotAuthorizedException") from None

    def revoke_token(self, **request: str) -> None:
        session = self._refresh_tokens.get(request["Token"])
        if session is not None:
            self._ended.add(session.id)

    def answer(self, form: dict[str, str], authorization: str) -> dict[str, Any]:
        """The token endpoint. Raises Refused."""
        self.requests.append(form)
        client = self.clients.get(form["client_id"], {})
        secret = client.get("ClientSecret")
        proof = "Basic " + b64encode(f"{form['client_id']}:{secret}".encode()).decode()
        if not client or (secret and authorization != proof):
            raise Refused("invalid_client")
        if form["grant_type"] != "client_credentials" and not client.get("CallbackURLs"):
            raise Refused("unauthorized_client")
        match form["grant_type"]:
            case "authorization_code":
                return self._redeem(form)
            case "refresh_token":
                return self._refreshed(form)
            case "client_credentials":
                return self._machine(form, client)
        raise Refused("unsupported_grant_type")

    def _redeem(self, form: dict[str, str]) -> dict[str, Any]:
        session = self._codes.pop(form["code"], None)
        hashed = sha256(form["code_verifier"].encode()).digest()
        if (
            session is None
            or session.client != form["client_id"]
            or session.redirect_uri != form["redirect_uri"]
            or session.challenge != urlsafe_b64encode(hashed).decode().rstrip("=")
        ):
            raise Refused("invalid_grant")
        return self._tokens(session) | {"id_token": "an.id.token", "token_type": "Bearer"}

    def _refreshed(self, form: dict[str, str]) -> dict[str, Any]:
        session = self._refresh_tokens.pop(form["refresh_token"], None)
        if session is None or session.client != form["client_id"] or session.id in self._ended:
            raise Refused("invalid_grant")
        return self._tokens(session)

    def _machine(self, form: dict[str, str], client: dict[str, Any]) -> dict[str, Any]:
        allowed = client.get("AllowedOAuthScopes", [])
        wanted = form["scope"].split() if "scope" in form else allowed
        if not set(wanted) <= set(allowed):
            raise Refused("invalid_scope")
        id = form["client_id"]
        return {"access_token": self.access_token(id, id, " ".join(wanted)), "expires_in": 3600}

    def _tokens(self, session: Session) -> dict[str, Any]:
        refresh = secrets.token_urlsafe(24)
        self._refresh_tokens[refresh] = session
        access = self.access_token(
            session.user, session.client, session.scope, origin_jti=session.id
        )
        return {"access_token": access, "refresh_token": refresh, "expires_in": 3600}


class Handler(BaseHTTPRequestHandler):
    """The addresses of the pool's domain, and its keys."""

    pool: UserPool

    def do_GET(self) -> None:
        if self.pool.outage:
            self._send(*self.pool.outage)
        elif self.path.endswith("/jwks.json"):
            self._send(200, json.dumps({"keys": [KEY.as_dict(private=False)]}).encode())
        else:
            self._send(200, b'{"sub":"user-1","email":"a@example.org"}')

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        if self.pool.outage:
            self._send(*self.pool.outage)
            return
        try:
            answer = self.pool.answer(form, self.headers.get("Authorization", ""))
        except Refused as error:
            self._send(400, json.dumps({"error": str(error)}).encode())
        else:
            self._send(200, json.dumps(answer).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(pool: UserPool) -> Iterator[UserPool]:
    """Answer at `pool.url` until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Of", (Handler,), {"pool": pool}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pool.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield pool
    finally:
        server.shutdown()
        server.server_close()


def _result(tokens: dict[str, Any]) -> Any:
    members = {"AccessToken": "access_token", "RefreshToken": "refresh_token"}
    result = {member: tokens[name] for member, name in members.items()}
    return {"AuthenticationResult": result | {"ExpiresIn": tokens["expires_in"]}}


def _client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "Call")
