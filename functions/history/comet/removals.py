"""Removal of what an attribute, an entity, or all entities at a service path have."""

from collections.abc import Iterable
from dataclasses import dataclass

from city.parallel import in_parallel
from city.policy.grants import Access, Action
from city.tenancy import PathPattern, ServicePath, Tenant
from history.keeping.deletions import Deletions, covers_all
from history.records import Series
from history.store.directory import Directory


@dataclass(frozen=True, slots=True)
class Target:
    """What is to go: all at the path, of one entity, or of one of its attributes."""

    tenant: Tenant
    path: ServicePath
    type: str | None = None
    id: str | None = None
    attribute: str | None = None


class Removals:
    """Removes through the service for deletions; the directory says what there is."""

    def __init__(self, directory: Directory, deletions: Deletions) -> None:
        self._directory = directory
        self._deletions = deletions

    def remove(self, access: Access, target: Target) -> None:
        """Remove what there is of the target; nothing is no fault.

        What the caller can neither see nor delete stays. Raises the access's refusal, and removes
        nothing, when there is something that it may see and not delete.
        """
        if not access.may(Action.DELETE, target.tenant):
            raise access.refusal("no grant lets you delete anything in this tenant")
        found = self._found(target)
        mine = _deletable(access, target, found)
        scope = (PathPattern(target.path, subtree=False),)
        for type, ids in _by_type(mine).items():
            # not all for who may not delete all: what is just being recorded is not found yet
            every = len(ids) == sum(one.type == type for one in found) and covers_all(
                access, target.tenant, type, scope
            )
            self._deletions.request(
                target.tenant,
                (type,),
                ids=None if every and target.id is None else ids,
                scope=scope,
                attributes=None if target.attribute is None else (target.attribute,),
                by=access.subject,
            )

    def _found(self, target: Target) -> list[Series]:
        """The series that the target is about."""
        if target.id is None:
            types = self._directory.types(target.tenant)
            several = in_parallel(lambda type: self._directory.of_type(target.tenant, type), types)
            every = [series for some in several for series in some]
        else:
            every = self._directory.of_id(target.tenant, target.id)
        return [one for one in every if one.path == target.path and target.type in (None, one.type)]


def _deletable(access: Access, target: Target, found: Iterable[Series]) -> list[Series]:
    view = access.view(target.tenant)
    mine = []
    for one in found:
        place = (one.path, one.type, one.id, target.attribute)
        if access.allows(Action.DELETE, target.tenant, *place):
            mine.append(one)
        elif view.sees(one.id, one.type, one.path):
            raise access.refusal("you may not delete all of this")
    return mine


def _by_type(series: Iterable[Series]) -> dict[str, list[str]]:
    ids: dict[str, list[str]] = {}
    for one in series:
        ids.setdefault(one.type, []).append(one.id)
    return ids
