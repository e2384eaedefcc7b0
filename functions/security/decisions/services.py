"""The services that decide; each is made with the first request that needs it."""

from functools import cached_property, partial
from typing import TYPE_CHECKING

from city.clock import Clock
from city.policy.accounts import Accounts
from city.table import Table
from security.decisions.directory import Directory
from security.decisions.entity_searches import EntitySearches
from security.decisions.evaluations import Evaluations
from security.decisions.explanations import Explanations
from security.decisions.page_tokens import PageTokens
from security.decisions.policies import Policies
from security.decisions.searches import Searches
from security.settings import ApiSettings
from security.store.candidates import CandidateStore
from security.store.directory import DirectoryStore
from security.store.paging_key import paging_key
from security.store.policies import PolicyStore

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DecisionServices:
    """What the routes about decisions call."""

    def __init__(
        self, settings: ApiSettings, client: "DynamoDBClient", table: Table, clock: Clock
    ) -> None:
        self._table = table
        self._clock = clock
        self._store = DirectoryStore(table)
        self._accounts = Accounts(client, settings.security_table, settings.grant_seconds)
        self.policies = Policies(PolicyStore(table), clock)
        self.evaluations = Evaluations(self.policies, self._store, self._accounts, clock)

    @cached_property
    def directory(self) -> Directory:
        """What policies may know beforehand, to be changed."""
        return Directory(self._store, self._clock)

    @cached_property
    def searches(self) -> Searches:
        """Who may, on what, and which actions."""
        candidates = CandidateStore(self._table)
        entities = EntitySearches(candidates, self._accounts, self._clock)
        return Searches(self.evaluations, self._store, entities)

    @cached_property
    def page_tokens(self) -> PageTokens:
        """The tokens of search pages."""
        return PageTokens(partial(paging_key, self._table))

    @cached_property
    def explanations(self) -> Explanations:
        """Why something is allowed or denied."""
        return Explanations(self.evaluations)
