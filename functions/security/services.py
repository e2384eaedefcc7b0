"""The services of the security API, shared by all requests of a process.

Each is made with the first request that needs it, and its modules load then.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from city.clock import now
from city.table import Table
from security.settings import ApiSettings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from security.applications.agents import Agents
    from security.applications.assignments import Assignments
    from security.applications.services import ApplicationServices
    from security.audit import Audit
    from security.cognito.users import UserDirectory
    from security.decisions.services import DecisionServices
    from security.oauth.services import OAuthServices
    from security.people.organisations import Organisations
    from security.people.services import PeopleServices
    from security.people.users import Users
    from security.rights.api_keys import ApiKeys
    from security.rights.grants import Grants
    from security.rights.plans import Plans
    from security.rights.projection import Projection
    from security.rights.subjects import Subjects
    from security.store.accounts import AccountStore
    from security.store.keys import KeyStore


class Services:
    """What routes call, over one DynamoDB client."""

    def __init__(self, settings: ApiSettings, client: "DynamoDBClient") -> None:
        self.settings = settings
        self.clock = now
        self._client = client
        self.table = Table(client, settings.security_table, now)

    @cached_property
    def accounts(self) -> "AccountStore":
        """Accounts and direct grants, to be changed."""
        from security.store.accounts import AccountStore  # noqa: PLC0415

        return AccountStore(self.table, self.clock)

    @cached_property
    def projection(self) -> "Projection":
        """What compiles a subject's sources into its account."""
        from security.rights.projection import Projection  # noqa: PLC0415
        from security.store.sources import SourceStore  # noqa: PLC0415

        return Projection(self.accounts, SourceStore(self.table), self.keys, self.clock)

    @cached_property
    def keys(self) -> "KeyStore":
        """Whose API keys there are."""
        from security.store.keys import KeyStore  # noqa: PLC0415

        return KeyStore(self.table)

    @cached_property
    def grants(self) -> "Grants":
        """Direct grants, as administrators give and take them."""
        from security.rights.grants import Grants  # noqa: PLC0415
        from security.store.grants import GrantStore  # noqa: PLC0415

        store = GrantStore(self.table, self.clock)
        return Grants(store, self.accounts, self.projection, self.audit)

    @cached_property
    def api_keys(self) -> "ApiKeys":
        """API keys, as their owners make and revoke them."""
        from security.rights.api_keys import ApiKeys  # noqa: PLC0415

        return ApiKeys(self.accounts, self.keys, self.audit, self.clock)

    @cached_property
    def plans(self) -> "Plans":
        """Plans, who is under them and what was used."""
        from security.rights.plans import Plans  # noqa: PLC0415
        from security.store.plans import PlanStore  # noqa: PLC0415

        return Plans(PlanStore(self.table), self.accounts, self.keys, self.audit)

    @cached_property
    def subjects(self) -> "Subjects":
        """Accounts, as administrators see, disable and revoke them."""
        from security.rights.subjects import Subjects  # noqa: PLC0415

        return Subjects(self.accounts, self.projection, self.users, self.audit, self.clock)

    @cached_property
    def audit(self) -> "Audit":
        """The audit trail."""
        from security.audit import Audit  # noqa: PLC0415
        from security.store.audit import AuditStore  # noqa: PLC0415

        return Audit(AuditStore(self.table), self.settings.audit_days, self.clock)

    @cached_property
    def oauth(self) -> "OAuthServices":
        """Sign-in, tokens, and what becomes of them."""
        from security.oauth.services import OAuthServices  # noqa: PLC0415

        return OAuthServices(
            self.settings,
            self.table,
            self.accounts,
            self.agents.verify,
            self.clock,
        )

    @cached_property
    def directory(self) -> "UserDirectory":
        """The users of the user pool."""
        from city.aws import client  # noqa: PLC0415
        from security.cognito.users import UserDirectory  # noqa: PLC0415

        return UserDirectory(client("cognito-idp"), self.settings.user_pool_id)

    @cached_property
    def users(self) -> "Users":
        """Users."""
        from security.people.users import Users  # noqa: PLC0415
        from security.store.users import UserStore  # noqa: PLC0415

        return Users(self.directory, UserStore(self.table), self.accounts, self.clock)

    @cached_property
    def organisations(self) -> "Organisations":
        """Organisations and who belongs to them."""
        from security.people.organisations import Organisations  # noqa: PLC0415
        from security.store.organisations import OrganisationStore  # noqa: PLC0415

        return Organisations(OrganisationStore(self.table), self.projection.refresh_all)

    @cached_property
    def people(self) -> "PeopleServices":
        """Registrations, profiles, erasures, and tokens that one asks about."""
        from security.people.services import PeopleServices  # noqa: PLC0415

        return PeopleServices(self)

    @cached_property
    def registry(self) -> "ApplicationServices":
        """Applications, their roles, permissions and agents, and who has which role."""
        from security.applications.services import ApplicationServices  # noqa: PLC0415

        return ApplicationServices(self)

    @property
    def assignments(self) -> "Assignments":
        """Who has which role."""
        return self.registry.assignments

    @property
    def agents(self) -> "Agents":
        """PEP proxies and IoT agents."""
        return self.registry.agents

    @cached_property
    def decisions(self) -> "DecisionServices":
        """Decisions on access, and the policies they follow."""
        from security.decisions.services import DecisionServices  # noqa: PLC0415

        return DecisionServices(self.settings, self._client, self.table, self.clock)


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


SecurityServices = Annotated[Services, Depends(_services)]
