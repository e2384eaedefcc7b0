"""What clients and operators ask about the service itself: entry points, version, documentation."""

from time import monotonic

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from context.ngsi_v2.answers import json_answer
from context.ngsi_v2.facts import RequestFacts

router = APIRouter(tags=["Service"])

ORION_VERSION = "4.2.0"
"""The Orion whose NGSI-v2 we speak; clients compare it with the one they need."""

_STARTED = monotonic()

_ENTRY_POINTS = {
    "entities_url": "/v2/entities",
    "types_url": "/v2/types",
    "subscriptions_url": "/v2/subscriptions",
    "registrations_url": "/v2/registrations",
}


@router.get("/v2")
async def entry_points(facts: RequestFacts) -> Response:  # noqa: ARG001 - checks the request
    return json_answer(_ENTRY_POINTS)


@router.get("/version")
async def version(facts: RequestFacts) -> Response:  # noqa: ARG001
    days, seconds = divmod(_uptime(), 86_400)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return json_answer(
        {
            "orion": {
                "version": ORION_VERSION,
                "uptime": f"{days} d, {hours} h, {minutes} m, {seconds} s",
                "doc": "/docs",
                "implementation": "SynchroniCity Serverless",
            }
        }
    )


@router.get("/statistics")
async def statistics(facts: RequestFacts) -> Response:  # noqa: ARG001
    """Of this execution environment only; counters are in CloudWatch."""
    return json_answer({"uptime_in_secs": _uptime(), "measuring_interval_in_secs": _uptime()})


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> Response:
    from context.ngsi_v2.openapi import describe  # noqa: PLC0415 - for people only

    return json_answer(describe(request.app))


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    from fastapi.openapi.docs import get_swagger_ui_html  # noqa: PLC0415 - for people only

    return get_swagger_ui_html(openapi_url="openapi.json", title=request.app.title)


def _uptime() -> int:
    return int(monotonic() - _STARTED)
