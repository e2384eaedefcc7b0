"""QuantumLeap answers at two places: at `/v2` of an API of its own, where its clients look for it,
and below `/history` of the city's API, where `/v2` is the context.
"""

from fastapi import APIRouter

from city.policy import Rules

PREFIXES = ("", "/history")
PATHS = tuple(
    f"{prefix}{path}"
    for prefix in PREFIXES
    for path in ("/v2", "/version", "/health", "/management/")
)
"""How the paths begin that are QuantumLeap's."""


def mounted(routes: APIRouter) -> APIRouter:
    """The routes at both places."""
    router = APIRouter(tags=["QuantumLeap"])
    for prefix in PREFIXES:
        router.include_router(routes, prefix=prefix)
    return router


def at_both(rules: Rules) -> Rules:
    """The rules of these routes."""
    return {
        (method, f"{prefix}{path}"): operation
        for prefix in PREFIXES
        for (method, path), operation in rules.items()
    }
