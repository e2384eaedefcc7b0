"""QuantumLeap answers at two places: at `/v2` of an API of its own, where its clients look for it,
and below `/history` of the city's API, where `/v2` is the context.
"""

from fastapi import APIRouter

from city.policy import Operation, Rules

PREFIXES = ("", "/history")


def mounted(routes: APIRouter) -> APIRouter:
    """The routes at both places."""
    router = APIRouter(tags=["QuantumLeap"])
    for prefix in PREFIXES:
        router.include_router(routes, prefix=prefix)
    return router


def at_both(rules: Rules) -> dict[tuple[str, str], Operation]:
    """The rules of these routes."""
    return {
        (method, f"{prefix}{path}"): operation
        for prefix in PREFIXES
        for (method, path), operation in rules.items()
    }
