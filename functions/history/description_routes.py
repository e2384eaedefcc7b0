"""The description of the API, for programs and for people."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from city.json import dump
from city.policy import Operation, Rules
from history.access import OPEN

router = APIRouter(tags=["Service"], prefix="/history", include_in_schema=False)

RULES: Rules = {
    ("GET", "/history/openapi.json"): Operation("service:describe", OPEN),
    ("GET", "/history/docs"): Operation("service:describe", OPEN),
}


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    from history.openapi import describe  # noqa: PLC0415 - for people only

    document = describe(request.app, request.app.state.rules)
    return Response(dump(document).encode(), media_type="application/json")


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    from fastapi.openapi.docs import get_swagger_ui_html  # noqa: PLC0415 - for people only

    return get_swagger_ui_html(openapi_url="openapi.json", title=request.app.title)
