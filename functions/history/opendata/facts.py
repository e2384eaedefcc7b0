"""The address of the city's APIs, which every IRI of the open data begins with."""

from typing import Annotated

from fastapi import Depends, Request

from history.services import HistoryServices


async def _city(request: Request, services: HistoryServices) -> str:
    """As configured, or the address of this request, which the gateway accepts only if it is one of
    the API's. What a header says of the scheme counts in a sandbox only."""
    if services.settings.public_url:
        return services.settings.public_url.rstrip("/")
    scheme = request.base_url.scheme if services.settings.stage == "sandbox" else "https"
    return f"{scheme}://{request.base_url.netloc}"


CityFact = Annotated[str, Depends(_city)]
"""The address, without a slash at its end."""
