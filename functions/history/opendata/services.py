"""The services of the open data, over those of the history; each is made when it is needed first."""

from functools import cached_property
from typing import TYPE_CHECKING

from history.opendata.public import PublicAccess
from history.opendata.publications import Publications
from history.store.datasets import DatasetStore

if TYPE_CHECKING:
    from history.exports.builder import Builder
    from history.opendata.editorial import Editorial
    from history.opendata.releases import Releases
    from history.services import Services


class OpenData:
    """What the routes of the open data call."""

    def __init__(self, services: "Services") -> None:
        self._history = services
        self.store = DatasetStore(services.table)

    @cached_property
    def publications(self) -> Publications:
        """Which datasets there are."""
        from city.policy.accounts import Accounts  # noqa: PLC0415

        settings = self._history.settings
        accounts = Accounts(self._history.dynamodb, settings.security_table, settings.grant_seconds)
        public = PublicAccess(accounts, self._history.clock, is_open=settings.public_access)
        return Publications(self._history.directory, self.store, public)

    @cached_property
    def editorial(self) -> "Editorial":
        """What editors say."""
        from history.opendata.editorial import Editorial  # noqa: PLC0415

        return Editorial(
            self.store, self._history.directory, self.publications, self._history.clock
        )

    @cached_property
    def releases(self) -> "Releases":
        """The files for the public."""
        from history.opendata.releases import Releases  # noqa: PLC0415

        return Releases(
            publications=self.publications,
            store=self.store,
            directory=self._history.directory,
            ledger=self._history.ledger,
            objects=self._history.objects,
            builder=self._builder,
            outbox=self._history.outbox,
            clock=self._history.clock,
        )

    def _builder(self) -> "Builder":
        from history.exports.builder import Builder  # noqa: PLC0415 - DuckDB, for files only

        return Builder(self._history.objects, self._history.ledger)
