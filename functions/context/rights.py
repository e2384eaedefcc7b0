"""What a caller's grants mean for entities: how much of one is visible, and who may write it.

Grants name types and paths, so nothing is decided before the real entity is known: reads are shown
through a `View`, writes carry a `Permit` that is asked about every version they are applied to.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from city.document import Entity, Identity
from city.errors import CityError
from city.policy.grants import Access, Action, View
from city.tenancy import Tenant

DATE_EXPIRES = "dateExpires"


def sees(view: View, identity: Identity) -> bool:
    """Whether the entity is visible at all, perhaps without some attributes."""
    return view.is_everything or view.sees(identity.id, identity.type, identity.path)


def visible(entity: Entity, view: View) -> Entity | None:
    """The entity as the view shows it: without hidden attributes, or None when it is hidden."""
    identity = entity.identity
    if not sees(view, identity):
        return None
    shown = shown_names(entity.attributes, identity, view)
    if len(shown) == len(entity.attributes):
        return entity
    kept = {name: entity.attributes[name] for name in entity.attributes if name in shown}
    return replace(entity, attributes=kept)


def shown_names(names: Iterable[str], identity: Identity, view: View) -> frozenset[str]:
    """Those of the names that are attributes a view shows of an entity it sees."""
    _, id, type, path = identity
    if view.is_everything or view.shows_all_attributes(id, type, path):
        return frozenset(names)
    return view.attributes(id, type, path, names)


def readable(access: Access, tenant: Tenant) -> View:
    """What the caller may read in the tenant. Raises the access's refusal when that is nothing."""
    require_any(access, Action.READ, tenant)
    return access.view(tenant)


def require_any(access: Access, action: Action, tenant: Tenant) -> None:
    """Refuse whoever may do this with nothing in the tenant, before anything is looked at."""
    if not access.may(action, tenant):
        raise access.refusal(f"no grant lets you {action} anything in this tenant")


@dataclass(frozen=True, slots=True)
class Permit:
    """What one request wants to do, and the access of the caller who has to be allowed to.

    `names` are the attributes it names; `whole` says that it concerns all the others too.
    """

    access: Access
    action: Action
    names: frozenset[str] = frozenset()
    whole: bool = False

    def to_create(self) -> "Permit":
        """The permit of an upsert that finds nothing to update."""
        return replace(self, action=Action.CREATE, whole=False)

    def knows(self, entity: Entity) -> bool:
        """Whether the entity exists for the caller, who may read it or do with it what he asks."""
        identity = entity.identity
        return self._allows(Action.READ, identity) or any(
            self._allows(self.action, identity, name) for name in self._asked()
        )

    def check(self, identity: Identity) -> None:
        """Refuse what the request asks for, whatever the entity has now. Raises Forbidden."""
        if self.access.is_unlimited:
            return
        if self.whole and not self._covers_all(identity):
            raise self._refusal(identity)
        self._check_attributes(identity, self._asked())

    def check_step(self, old: Entity, new: Entity) -> None:
        """Refuse what an update made of attributes that the request did not name, and an end of the
        entity that comes sooner to who may not delete it."""
        if self.access.is_unlimited:
            return
        if not self.whole:
            beyond = set(_altered(old, new)) - self.names
            self._check_attributes(new.identity, sorted(beyond))
        if _ends_sooner(old, new) and not self._allows(Action.DELETE, new.identity):
            raise replace(self, action=Action.DELETE)._refusal(new.identity)

    def _asked(self) -> Sequence[str | None]:
        """The attributes the request names; None for the entity as such."""
        return sorted(self.names) or (None,)

    def _check_attributes(self, identity: Identity, names: Iterable[str | None]) -> None:
        for name in names:
            if not self._allows(self.action, identity, name):
                raise self._refusal(identity, name)

    def _covers_all(self, identity: Identity) -> bool:
        tenant, id, type, path = identity
        return self.access.view(tenant, self.action).shows_all_attributes(id, type, path)

    def _allows(self, action: Action, identity: Identity, attribute: str | None = None) -> bool:
        tenant, id, type, path = identity
        return self.access.allows(action, tenant, path, type, id, attribute)

    def _refusal(self, identity: Identity, attribute: str | None = None) -> CityError:
        what = f"{identity.id}/{identity.type}"
        if attribute is not None:
            what = f"attribute {attribute} of {what}"
        return self.access.refusal(f"no grant lets you {self.action} {what}")


def _ends_sooner(old: Entity, new: Entity) -> bool:
    return new.expires is not None and (old.expires is None or new.expires < old.expires)


def _altered(old: Entity, new: Entity) -> Iterator[str]:
    """Names of the attributes that two versions do not share."""
    for name in old.attributes.keys() | new.attributes.keys():
        before, after = old.attributes.get(name), new.attributes.get(name)
        if before is not after and (
            before is None or after is None or not before.same_content(after)
        ):
            yield name
    if old.expires != new.expires:
        yield DATE_EXPIRES
