"""What is done for applications, made when first needed."""

from functools import cached_property
from typing import TYPE_CHECKING

from security.applications.assignments import Assignments
from security.applications.roles import Roles
from security.applications.stewards import Stewards
from security.store.applications import ApplicationStore
from security.store.assignments import AssignmentStore
from security.store.roles import RoleStore

if TYPE_CHECKING:
    from security.applications.agents import Agents
    from security.applications.applications import Applications
    from security.applications.user_info import UserInfo
    from security.keyrock.migration import KeyrockImport
    from security.keyrock.totals import Totals
    from security.services import Services


class ApplicationServices:
    """What the routes about applications call."""

    def __init__(self, services: "Services") -> None:
        self._services = services
        self._store = ApplicationStore(services.table)
        self._roles = RoleStore(services.table)
        self._assignments = AssignmentStore(services.table)
        self.stewards = Stewards(self._roles, self._assignments)

    @cached_property
    def applications(self) -> "Applications":
        """Applications."""
        from city.aws import client  # noqa: PLC0415 - most requests need no client of the pool
        from security.applications.applications import Applications  # noqa: PLC0415
        from security.applications.terms import Offer  # noqa: PLC0415
        from security.cognito.clients import AppClients  # noqa: PLC0415
        from security.store.clients import ClientStore  # noqa: PLC0415

        services = self._services
        return Applications(
            store=self._store,
            roles=self._roles,
            clients=AppClients(client("cognito-idp"), services.settings.user_pool_id),
            remembered=ClientStore(services.table),
            accounts=services.accounts,
            assignments=self.assignments,
            agents=self.agents,
            stewards=self.stewards,
            audit=services.audit,
            clock=services.clock,
            offer=Offer(takes_passwords=services.settings.password_grant),
        )

    @cached_property
    def roles(self) -> Roles:
        """Roles and permissions."""
        return Roles(self._roles, self.assignments, self.stewards, self._services.audit)

    @cached_property
    def assignments(self) -> Assignments:
        """Who has which role."""
        services = self._services
        return Assignments(
            self._assignments, self._roles, services.projection, self.stewards, services.audit
        )

    @cached_property
    def agents(self) -> "Agents":
        """PEP proxies and IoT agents."""
        from security.applications.agents import Agents  # noqa: PLC0415
        from security.store.agents import AgentStore  # noqa: PLC0415

        services = self._services
        store = AgentStore(services.table)
        return Agents(store, services.accounts, self.stewards, services.audit)

    @cached_property
    def user_info(self) -> "UserInfo":
        """Who the bearer of a token is to an application."""
        from security.applications.user_info import UserInfo  # noqa: PLC0415
        from security.store.parties import PartyStore  # noqa: PLC0415

        services = self._services
        return UserInfo(
            parties=PartyStore(services.table),
            roles=self._roles,
            assignments=self._assignments,
            users=services.users,
        )

    def totals(self) -> "Totals":
        """How many users, organisations and applications there are."""
        from security.keyrock.totals import totals  # noqa: PLC0415

        return totals(self._services.table)

    @cached_property
    def keyrock_import(self) -> "KeyrockImport":
        """Takes users, organisations and applications over from a Keyrock."""
        from security.keyrock.migration import KeyrockImport  # noqa: PLC0415
        from security.store.organisations import OrganisationStore  # noqa: PLC0415

        services = self._services
        return KeyrockImport(
            services.users,
            services.organisations,
            OrganisationStore(services.table),
            self,
            services.audit,
        )
