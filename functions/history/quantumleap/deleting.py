"""Deletes histories, as far as the caller may: nothing that it may only read is touched, and what
it can neither read nor delete does not exist for it.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from city.policy.grants import UNLIMITED, Access, Action
from city.tenancy import PathPattern, PathScope, ServicePath, Tenant, in_scope
from history.keeping.deletions import covers_all
from history.reading.queries import ALWAYS, Choice, Rows, Window
from history.records import Series

if TYPE_CHECKING:
    from history.keeping.deletions import Deletions
    from history.reading.planner import Planner
    from history.store.directory import Directory


class Doomed(NamedTuple):
    """What is to be deleted: series of one type; `ids` and `scope` say the same in other words."""

    tenant: Tenant
    type: str
    ids: tuple[str, ...] | None
    scope: PathScope


class Deleting:
    """Deletes through the one service for deletions; the directory says what there is."""

    def __init__(self, planner: "Planner", directory: "Directory", deletions: "Deletions") -> None:
        self._planner = planner
        self._directory = directory
        self._deletions = deletions

    def entity(
        self, access: Access, tenant: Tenant, scope: PathScope, series: list[Series], window: Window
    ) -> bool:
        """Delete what the series of one entity have in the window; whether there was anything.

        `series` are all in the scope with the entity's id and type. Raises the access's refusal.
        """
        if not series:
            return False
        mine = _deletable(access, tenant, series)
        whole = Doomed(tenant, series[0].type, (series[0].id,), scope)
        return self._delete(_parts(access, whole, series, mine), window, access.subject)

    def type(
        self, access: Access, tenant: Tenant, scope: PathScope, type: str, window: Window = ALWAYS
    ) -> bool:
        """Delete what entities of a type have in the window; whether there was anything."""
        found = [one for one in self._directory.of_type(tenant, type) if in_scope(scope, one.path)]
        mine = _deletable(access, tenant, found)
        whole = Doomed(tenant, type, None, scope)
        return self._delete(_parts(access, whole, found, mine), window, access.subject)

    def is_there(self, tenant: Tenant, scope: PathScope, type: str, id: str) -> bool:
        """Whether an entity has any values; a deleted one is in the directory for a while."""
        return self._is_there(Doomed(tenant, type, (id,), scope), ALWAYS)

    def _delete(self, parts: list[Doomed], window: Window, by: str) -> bool:
        there = [part for part in parts if self._is_there(part, window)]
        for part in there:
            self._deletions.request(
                part.tenant, (part.type,), ids=part.ids, scope=part.scope, window=window, by=by
            )
        return bool(there)

    def _is_there(self, part: Doomed, window: Window) -> bool:
        choice = Choice(part.tenant, (part.type,), part.ids, scope=part.scope)
        newest = Rows(choice, window, limit=1, newest_first=True)
        # what the caller may delete was found out already, and it may not be allowed to read it
        return bool(self._planner.run(newest, UNLIMITED).rows)


def _deletable(access: Access, tenant: Tenant, found: Iterable[Series]) -> list[Series]:
    """Those that the caller may delete. Raises its refusal for one that it may only read."""
    view = access.view(tenant)
    mine = []
    for one in found:
        if access.allows(Action.DELETE, tenant, one.path, one.type, one.id):
            mine.append(one)
        elif view.sees(one.id, one.type, one.path):
            raise access.refusal("you may not delete all of this")
    return mine


def _parts(access: Access, whole: Doomed, found: list[Series], mine: list[Series]) -> list[Doomed]:
    """What to delete so that exactly these series go: all that was found, or by path.

    Not all for who may not delete all: what is just being recorded is not found yet.
    """
    if not mine:
        return []
    if len(mine) == len(found) and covers_all(access, whole.tenant, whole.type, whole.scope):
        return [whole]
    by_path: dict[ServicePath, list[str]] = {}
    for one in mine:
        by_path.setdefault(one.path, []).append(one.id)
    return [
        whole._replace(ids=tuple(ids), scope=(PathPattern(path, subtree=False),))
        for path, ids in by_path.items()
    ]
