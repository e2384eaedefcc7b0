"""Subjects as the policy knows them: their accounts, and ending what they may do at once."""

from dataclasses import replace
from typing import TYPE_CHECKING

from city.clock import Clock
from city.errors import Forbidden
from city.policy import Caller
from city.policy.accounts import Account
from city.policy.grants import ANY_TENANT
from security.audit import Audit
from security.oauth.subject_tokens import LONGEST_SESSION
from security.rights.delegation import is_own, require_admin
from security.rights.projection import Projection
from security.store.accounts import AccountStore

if TYPE_CHECKING:
    from security.people.users import Users

USER = "user"
"""The kind of accounts of those who sign in at the user pool."""


class Subjects:
    """Shows, disables, enables subjects and revokes their tokens on behalf of a caller."""

    def __init__(
        self,
        accounts: AccountStore,
        projection: Projection,
        users: "Users",
        audit: Audit,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._projection = projection
        self._users = users
        self._audit = audit
        self._clock = clock

    def get(self, caller: Caller, id: str, tenant: str | None) -> Account:
        """The account of a subject as compiled; with a tenant, its grants about that and all.

        The subject itself and administrators of the platform see all, those of a tenant its part.
        """
        if tenant is not None:
            require_admin(caller, tenant)
        elif not is_own(caller, id):
            caller.access.require_admin(None)
        account = self._accounts.get(id).account
        if tenant is None:
            return account
        about = tuple(one for one in account.grants if one.tenant in (ANY_TENANT, tenant))
        return replace(account, grants=about)

    def disable(self, caller: Caller, id: str) -> None:
        """Let nothing of a subject be accepted any more: tokens, API keys, its machine client's."""
        caller.access.require_admin(None)
        self._refuse_own(caller, id)
        self._set_active(id, active=False)
        self._record(caller, "subject:disable", id)

    def enable(self, caller: Caller, id: str) -> None:
        """Accept a subject again."""
        caller.access.require_admin(None)
        self._set_active(id, active=True)
        self._record(caller, "subject:enable", id)

    def revoke(self, caller: Caller, id: str, session: str | None) -> None:
        """Let all tokens issued so far die, or those of one session; one's own, or as administrator."""
        if not is_own(caller, id):
            caller.access.require_admin(None)
        if session is None:
            if self._accounts.get(id).account.kind == USER:
                self._users.sign_out(id)  # first, or a refresh token buys another before it dies
            self._accounts.revoke_tokens(id)
        else:
            self._accounts.revoke_session(id, session, self._clock() + LONGEST_SESSION)
        self._record(caller, "subject:revoke", id)

    def _set_active(self, id: str, *, active: bool) -> None:
        kind = self._accounts.get(id).account.kind
        self._accounts.set_active(id, active=active)
        if kind == USER:
            self._users.set_sign_in(id, active)

    def refresh(self, caller: Caller, id: str) -> None:
        """Compile the account of a subject anew, after a change that stopped half way."""
        caller.access.require_admin(None)
        self._accounts.get(id)
        self._projection.refresh(id)
        self._record(caller, "subject:refresh", id)

    def _refuse_own(self, caller: Caller, id: str) -> None:
        if is_own(caller, id):
            raise Forbidden("you may not disable yourself; another administrator has to")

    def _record(self, caller: Caller, action: str, id: str) -> None:
        self._audit.record(actor=caller.subject.id, action=action, tenant=ANY_TENANT, target=id)
