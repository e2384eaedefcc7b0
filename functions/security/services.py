"""The services of the security API, shared by all requests of a process.

Each is made with the first request that needs it, and its modules load then.
"""

from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from city.clock import now
from security.settings import ApiSettings
from security.store.table import Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Services:
    """What routes call, over one DynamoDB client."""

    def __init__(self, settings: ApiSettings, client: "DynamoDBClient") -> None:
        self.settings = settings
        self.clock = now
        self.table = Table(client, settings.security_table, now)


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


SecurityServices = Annotated[Services, Depends(_services)]
