"""The services of the context API, each built when the first request needs it and then kept."""

from functools import cached_property
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from city.aws import client
from city.clock import now
from context.entities import Entities
from context.queries import Queries
from context.settings import ApiSettings
from context.store.entities import EntityStore

if TYPE_CHECKING:
    from context.subscriptions import Subscriptions


class Services:
    """What routes call; shared by all requests of a process."""

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings

    @cached_property
    def store(self) -> EntityStore:
        """Entities in the context table."""
        return EntityStore(client("dynamodb"), self._settings.context_table)

    @cached_property
    def entities(self) -> Entities:
        """Single-entity operations."""
        return Entities(self.store, now)

    @cached_property
    def queries(self) -> Queries:
        """Queries over many entities."""
        return Queries(self.store, self._settings.query_budget)

    @cached_property
    def subscriptions(self) -> "Subscriptions":
        """Subscriptions; their models load with the first request about one."""
        from context.store.subscriptions import SubscriptionStore  # noqa: PLC0415
        from context.subscriptions import Subscriptions  # noqa: PLC0415

        return Subscriptions(
            SubscriptionStore(client("dynamodb"), self._settings.context_table), now
        )


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ContextServices = Annotated[Services, Depends(_services)]
