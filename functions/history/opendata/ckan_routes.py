"""CKAN's Action API for those who read: `/api/3/action/*` and, as older clients call it, `/api/action/*`.

A GET has its parameters in the query, a POST as a JSON object or a form; the last of two counts.
"""

from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response

from city.bodies import parse_json, read_bytes
from city.errors import Malformed
from city.json import Json, dump
from city.policy import Operation, Rules
from history.access import OPEN
from history.opendata.facts import CityFact
from history.services import HistoryServices

router = APIRouter(tags=["CKAN"])

ACTION = "/api/3/action/{action}"
OLD_ACTION = "/api/action/{action}"

RULES: Rules = {
    (method, path): Operation("dataset:find", OPEN)
    for method in ("GET", "POST")
    for path in (ACTION, OLD_ACTION)
}

JSON = "application/json;charset=utf-8"
_FORM = "application/x-www-form-urlencoded"


@router.get(ACTION)
@router.get(OLD_ACTION)
@router.post(ACTION)
@router.post(OLD_ACTION)
async def act(action: str, request: Request, city: CityFact, services: HistoryServices) -> Response:
    """Do one of CKAN's read actions."""
    from history.opendata.ckan import ACTIONS, Portal  # noqa: PLC0415 - only CKAN's readers need it
    from history.opendata.ckan_errors import UnknownAction  # noqa: PLC0415

    chosen = ACTIONS.get(action)
    if chosen is None:
        raise UnknownAction(action)
    parameters: dict[str, Json] = dict(request.query_params.multi_items())
    if request.method == "POST":
        parameters |= await _posted(request)
    result = chosen(Portal(services.open_data.publications, city), parameters)
    advice = f"{city}/api/3/action/help_show?name={action}"
    answer = dump({"help": advice, "success": True, "result": result})
    return Response(answer.encode(), headers={"Cache-Control": "no-cache"}, media_type=JSON)


async def _posted(request: Request) -> dict[str, Json]:
    """The parameters in a body. CKAN takes JSON of any media type but a form's."""
    body = await read_bytes(request)
    if not body.strip():
        return {}
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == _FORM and not body.lstrip().startswith(b"{"):
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    found = parse_json(body)
    if not isinstance(found, dict):
        raise Malformed("JSON Error: the body must be a JSON object")
    return found


def render(error: Exception) -> Response:
    """A refusal as CKAN answers it."""
    from history.opendata import ckan_errors  # noqa: PLC0415 - only refusals need it

    return ckan_errors.render(error)
