"""`/v3` is another name of `/v1`: Keyrock answers at both."""

from starlette.types import ASGIApp, Receive, Scope, Send

ALIAS, NAME = "/v3", "/v1"


class KeyrockAlias:
    """Wraps an ASGI application, which sees `/v1` where the request says `/v3`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path == ALIAS or path.startswith(f"{ALIAS}/"):
            scope["path"] = NAME + path.removeprefix(ALIAS)
        await self.app(scope, receive, send)
