"""The HTTP application of the context API, built from its settings."""

from fastapi import FastAPI, Response

from city.json import dump
from context.settings import ApiSettings


def create_app(settings: ApiSettings) -> FastAPI:
    """The application that answers every request to NGSI-v2."""
    app = FastAPI(title="Context Management API (NGSI-v2)")
    body = dump({"orion": {"version": "synchronicity", "stage": settings.stage}}).encode()

    @app.get("/version")
    async def version() -> Response:
        return Response(body, media_type="application/json")

    return app
