"""Who takes part when an application asks about the bearer of a token, read in one call.

The rows are those of `security.store.accounts`, `.applications` and `.users`. Costs in request
units, for rows of up to 4 KB: 1 read each for the bearer's profile and the accounts of client and
bearer, and if the application that asks is named, for its row and its account (often the client's).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from city.policy.accounts import Account, account_from_row, account_key
from city.table import Table
from security.store.accounts import living_account
from security.store.applications import application_key
from security.store.users import Profile, profile_key, profile_of


@dataclass(frozen=True, slots=True)
class Parties:
    """Those who take part, each as far as it is there.

    - `accounts`: by subject, of client, bearer and asking application; deleted ones too, inactive.
    - `issued_to`: the application that the client is or belongs to.
    - `knows_asking`: whether the application that asks is the city's, also while it is removed.
    - `profile`: the bearer's, if it is a user.
    """

    accounts: Mapping[str, Account]
    issued_to: str
    knows_asking: bool
    profile: Profile | None


class PartyStore:
    """Reads the rows of parties; safe for threads."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, client: str, bearer: str, application: str | None) -> Parties:
        """The parties, strongly consistent; `application` is the one that asks, if it is named."""
        accounts = {subject: account_key(subject) for subject in (client, bearer)}
        keys = [profile_key(bearer)]
        if application is not None:
            accounts[application] = account_key(application)
            keys.append(application_key(application))
        rows = self._table.get_many([*accounts.values(), *keys])
        stored, profile = living_account(rows.get(accounts[client])), rows.get(profile_key(bearer))
        return Parties(
            accounts={
                subject: account_from_row(rows[key])
                for subject, key in accounts.items()
                if key in rows
            },
            issued_to=(stored and stored.application) or client,
            knows_asking=application is not None and application_key(application) in rows,
            profile=profile_of(profile) if profile else None,
        )
