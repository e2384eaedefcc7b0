"""`/access/v1/search/…`: who may, on what, and which actions (AuthZEN Authorization API 1.0)."""

from collections.abc import Callable
from typing import TypeVar

from fastapi import APIRouter, Request, Response

from city.bodies import read_object
from city.json import Json
from city.policy import Operation
from models.authzen.requests import ActionSearch, Page, ResourceSearch, SubjectSearch
from security.access import DECIDE
from security.administration.facts import json_answer
from security.decisions.evaluations import Asker
from security.decisions.facts import AskerFact, read
from security.decisions.page_tokens import PageTokens
from security.decisions.search_pages import START, Found, Window
from security.services import SecurityServices

router = APIRouter(tags=["Decisions"])

RULES = {
    ("POST", "/access/v1/search/subject"): Operation("decision:search", DECIDE),
    ("POST", "/access/v1/search/resource"): Operation("decision:search", DECIDE),
    ("POST", "/access/v1/search/action"): Operation("decision:search", DECIDE),
}

MAX_RESULTS = 1000
"""Results in one answer, whatever the request asks for."""

_Search = TypeVar("_Search", SubjectSearch, ResourceSearch, ActionSearch)


@router.post("/access/v1/search/subject")
async def search_subjects(
    request: Request, asker: AskerFact, services: SecurityServices
) -> Response:
    search = services.decisions.searches.subjects
    return _answer(
        SubjectSearch, await read_object(request), asker, search, services.decisions.page_tokens
    )


@router.post("/access/v1/search/resource")
async def search_resources(
    request: Request, asker: AskerFact, services: SecurityServices
) -> Response:
    search = services.decisions.searches.resources
    return _answer(
        ResourceSearch, await read_object(request), asker, search, services.decisions.page_tokens
    )


@router.post("/access/v1/search/action")
async def search_actions(
    request: Request, asker: AskerFact, services: SecurityServices
) -> Response:
    search = services.decisions.searches.actions
    return _answer(
        ActionSearch, await read_object(request), asker, search, services.decisions.page_tokens
    )


def _answer(
    model: type[_Search],
    body: dict[str, Json],
    asker: Asker,
    search: Callable[[Asker, _Search, Window], Found],
    tokens: PageTokens,
) -> Response:
    wanted = read(model, body)
    page = wanted.page or Page()
    query: dict[str, Json] = {
        "kind": model.__name__,
        "caller": asker.id,
        "tenant": asker.tenant,
        "query": wanted.model_dump(exclude={"page"}),
    }
    window = _window(tokens, query, page)
    capped = window._replace(limit=min(window.limit, MAX_RESULTS))
    found = search(asker, wanted, capped)
    content: dict[str, Json] = {}
    if wanted.page is not None or found.position is not None:
        token = ""
        if found.position is not None:
            token = tokens.seal(query, window._replace(position=found.position))
        content["page"] = {"next_token": token, "count": len(found.results)}
    if found.note:
        content["context"] = {"not_listed": found.note}
    return json_answer(content | {"results": found.results})


def _window(tokens: PageTokens, query: dict[str, Json], page: Page) -> Window:
    """Where the page begins; an empty token is none. Raises InvalidRequest."""
    if page.token:
        return tokens.open(query, page.token, page.limit)
    return Window(START, MAX_RESULTS if page.limit is None else page.limit)
