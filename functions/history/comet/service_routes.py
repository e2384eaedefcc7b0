"""`/STH/version` and `/STH/admin/log`, the latter at the root as well."""

import logging
from typing import Annotated

from aws_lambda_powertools import Logger
from fastapi import APIRouter, Depends, Request, Response

from city.json import Json, dump
from city.observability import logger
from city.policy import Operation
from city.policy.grants import Access
from history.access import ADMIN, OPEN
from history.comet.parameters import Invalid
from history.services import HistoryServices, Services

router = APIRouter(tags=["STH-Comet"])

VERSION = "2.11.0"
"""The version of STH-Comet whose interface this is."""

PATHS = ("/STH/admin/log", "/admin/log")

RULES = {
    ("GET", "/STH/version"): Operation("service:version", OPEN),
    **{("GET", path): Operation("service:log", ADMIN) for path in PATHS},
    **{("PUT", path): Operation("service:log", ADMIN) for path in PATHS},
}

_LEVELS = {
    "FATAL": logging.CRITICAL,
    "ERROR": logging.ERROR,
    "WARNING": logging.WARNING,
    "INFO": logging.INFO,
    "DEBUG": logging.DEBUG,
}
_SHOWN = {logging.CRITICAL: "FATAL", logging.WARNING: "WARN"}


async def _administrator(request: Request) -> Access:
    """Logs are of all tenants, so they are for administrators of the platform."""
    access: Access = request.scope["caller"].access
    access.require_admin(None)
    return access


_Administrator = Annotated[Access, Depends(_administrator)]


@router.get("/STH/version")
async def version() -> Response:
    return _json({"version": VERSION})


async def read_level(services: HistoryServices, _: _Administrator) -> Response:
    """From which level on this instance of the function logs."""
    level = _log(services).log_level
    return _json({"level": _SHOWN.get(level, logging.getLevelName(level))})


async def write_level(request: Request, services: HistoryServices, _: _Administrator) -> Response:
    """Change the level of the one instance that answers, until it ends."""
    named = request.query_params.multi_items()
    if [name for name, _ in named] != ["level"]:
        unknown = next((name for name, _ in named if name != "level"), None)
        raise _refused("is required") if unknown is None else _unknown(unknown)
    level = _LEVELS.get(named[0][1].upper())
    if level is None:
        raise _refused(f"must be one of [{', '.join(_LEVELS)}]")
    _log(services).setLevel(level)
    return Response(None, 200)


for _path in PATHS:
    router.get(_path)(read_level)
    router.put(_path)(write_level)


def _log(services: Services) -> Logger:
    return logger("history-api", services.settings.stage)


def _refused(why: str) -> Invalid:
    return Invalid(f'child "level" fails because ["level" {why}]', "query", ("level",))


def _unknown(name: str) -> Invalid:
    return Invalid(f'"{name}" is not allowed', "query", (name,))


def _json(content: Json) -> Response:
    return Response(dump(content).encode(), 200, None, "application/json")
