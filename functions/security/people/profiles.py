"""A user's own view of itself: what the city shows of it, and everything it holds about it.

The export answers the right of access and to data portability (GDPR, articles 15 and 20). It has no
secrets: of keys it has names, of tokens nothing. The audit trail is not in it: its entries are kept
for a set time as evidence and have no more of a user than its id.
"""

from city.clock import iso
from city.json import Json
from city.keys import key, prefix, split
from city.policy.accounts import Account
from city.policy.grant_forms import show_grant
from city.table import Table
from security.people.organisations import Organisations
from security.people.users import User, Users
from security.store.accounts import AccountStore
from security.store.registrations import Registration, RegistrationStore


class Profiles:
    """Shows users to themselves; safe for threads."""

    def __init__(
        self, table: Table, users: Users, organisations: Organisations, accounts: AccountStore
    ) -> None:
        self._table = table
        self._users = users
        self._organisations = organisations
        self._accounts = accounts
        self._registrations = RegistrationStore(table)

    def show(self, id: str) -> dict[str, Json]:
        """The user as `/access/v1/me` shows it. Raises NotFound for who is no user."""
        user = self._users.get(id)
        return {**shown_user(user), "organisations": self._memberships(id)}

    def export(self, id: str) -> dict[str, Json]:
        """Everything held about the user. Raises NotFound."""
        user = self._users.get(id)
        stored = self._accounts.find(id)
        waiting = self._registrations.find(user.email)
        return {
            "profile": shown_user(user),
            "organisations": self._memberships(id),
            "roles": self._roles(id),
            "account": _shown_account(stored.account) if stored else None,
            "keys": self._keys(id),
            "registration": _shown_registration(waiting) if waiting else None,
        }

    def _memberships(self, id: str) -> list[Json]:
        return [
            {"id": organisation.id, "name": organisation.name, "role": role.value}
            for organisation, role in self._organisations.of_user(id)
        ]

    def _roles(self, id: str) -> list[Json]:
        rows = self._table.every(key("subject", id), prefix("role"))
        parts = [split(str(row["sk"])) for row in rows]
        return [{"application": application, "role": role} for _, application, role in parts]

    def _keys(self, id: str) -> list[Json]:
        rows = self._table.every(key("keys", id))
        return [{"subject": str(row["sk"]), "name": str(row["name"])} for row in rows]


def shown_user(user: User) -> dict[str, Json]:
    """What a user may know of itself."""
    profile = user.profile
    return {
        "id": user.id,
        "username": profile.username,
        "email": user.email,
        "description": profile.description,
        "website": profile.website,
        "gravatar": profile.gravatar,
        "extra": profile.extra,
        "enabled": user.enabled,
        "admin": user.admin,
        "created": iso(profile.created),
        "passwordSet": iso(profile.password_set),
    }


def _shown_account(account: Account) -> dict[str, Json]:
    plan = account.plan
    return {
        "active": account.active,
        "grants": [show_grant(grant) for grant in account.grants],
        "plan": plan.name if plan else None,
    }


def _shown_registration(registration: Registration) -> dict[str, Json]:
    return {
        "id": registration.id,
        "username": registration.username,
        "message": registration.message,
        "at": iso(registration.at),
    }
