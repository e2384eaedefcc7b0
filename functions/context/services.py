"""The services of the context API, shared by all requests of a process."""

from functools import cached_property
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from city.clock import now
from context.entities import Entities
from context.queries import Queries
from context.settings import ApiSettings
from context.store.entities import EntityStore

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from context.subscriptions import Subscriptions


class Services:
    """What routes call, over one DynamoDB client."""

    def __init__(self, settings: ApiSettings, client: "DynamoDBClient") -> None:
        self._client = client
        self._table = settings.context_table
        self.store = EntityStore(client, self._table)
        self.entities = Entities(self.store, now)
        self.queries = Queries(self.store, settings.query_budget)

    @cached_property
    def subscriptions(self) -> "Subscriptions":
        """Subscriptions; their models load with the first request about one."""
        from context.store.subscriptions import SubscriptionStore  # noqa: PLC0415
        from context.subscriptions import Subscriptions  # noqa: PLC0415

        return Subscriptions(SubscriptionStore(self._client, self._table), now)


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ContextServices = Annotated[Services, Depends(_services)]
