"""Direct grants: administrators give them to subjects and take them away.

Who administers a tenant grants what is in it; what concerns all tenants takes an administrator of
the platform (`delegation` has the rules). Grants that come from roles are changed where the roles
are.
"""

from secrets import token_hex

from city.errors import InvalidRequest
from city.json import Json
from city.policy import Caller
from city.policy.accounts import Account
from city.policy.grant_forms import parse_grant
from city.policy.grants import PUBLIC_ID, Grant
from security.audit import Audit
from security.rights.delegation import is_own, require_admin, require_may_give, require_may_take
from security.rights.projection import Projection
from security.store.accounts import AccountStore, StoredAccount
from security.store.grants import GrantPage, GrantStore, ListedGrant


class Grants:
    """Lists, gives and takes grants on behalf of a caller."""

    def __init__(
        self, store: GrantStore, accounts: AccountStore, projection: Projection, audit: Audit
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._projection = projection
        self._audit = audit

    def in_tenant(self, caller: Caller, tenant: str, limit: int, after: str | None) -> GrantPage:
        """The direct grants about a tenant (ANY_TENANT: those about all). Raises Forbidden."""
        require_admin(caller, tenant)
        return self._store.in_tenant(tenant, limit, after)

    def of_subject(
        self, caller: Caller, subject: str, tenant: str | None, limit: int, after: str | None
    ) -> GrantPage:
        """A subject's direct grants; with a tenant only those about it, though pages are shorter.

        The subject itself and administrators of the platform see all, those of a tenant its own.
        """
        if tenant is not None:
            require_admin(caller, tenant)
        elif not is_own(caller, subject):
            caller.access.require_admin(None)
        found, rest = self._store.of_subject(subject, limit, after)
        return GrantPage([one for one in found if tenant in (None, one.grant.tenant)], rest)

    def get(self, caller: Caller, subject: str, id: str) -> ListedGrant:
        """One direct grant. Raises NotFound, Forbidden."""
        listed = self._store.get(self._accounts.principal(subject).account.subject, id)
        if not is_own(caller, subject):
            require_admin(caller, listed.grant.tenant)
        return listed

    def give(self, caller: Caller, subject: str, body: dict[str, Json]) -> Grant:
        """Give a grant in its wire form. Raises InvalidRequest, Forbidden, NotFound, TooLarge."""
        grant = parse_grant(f"g-{token_hex(8)}", body)
        holder = self._holder(caller, subject, grant)
        name = holder.account.subject
        self._accounts.grant(name, grant, caller.subject.id)
        self._projection.refresh_keys(name)
        self._record(caller, "grant:create", name, grant)
        return grant

    def take(self, caller: Caller, subject: str, id: str) -> None:
        """Take a grant away. Raises NotFound, Forbidden."""
        name = self._accounts.principal(subject).account.subject
        require_may_take(caller, name, self._store.get(name, id).grant)
        revoked = self._accounts.revoke(name, id)
        self._projection.refresh_keys(name)
        self._record(caller, "grant:delete", name, revoked)

    def _holder(self, caller: Caller, subject: str, grant: Grant) -> StoredAccount:
        """Whose account the grant goes to, when the caller may give it."""
        require_may_give(caller, subject, grant)
        if subject == PUBLIC_ID:
            self._accounts.create(Account(PUBLIC_ID, "public"))
        holder = self._accounts.principal(subject)
        if holder.owner:
            raise InvalidRequest("an API key has the grants that it was made with; make another")
        for name in (holder.account.subject, holder.twin):
            require_may_give(caller, name, grant)
        return holder

    def _record(self, caller: Caller, action: str, subject: str, grant: Grant) -> None:
        self._audit.record(
            actor=caller.subject.id,
            action=action,
            tenant=grant.tenant,
            target=subject,
            detail={"grant": grant.id},
        )
