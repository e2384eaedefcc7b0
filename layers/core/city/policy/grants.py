"""Grants: which data a subject may do what with, and what follows from all grants of a caller.

A grant covers actions on a part of the data: a tenant, a place in the tree of service paths, types,
ids and attributes. An explicit deny wins over every allow, and what no grant covers is denied.
`Access` holds the grants of one caller at one moment. A write asks it with `require`; a read takes
its `view` and shows what the view sees, so that nothing else can be told from the answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

from city.errors import CityError, Forbidden, Unauthenticated
from city.regex import compile_pattern
from city.tenancy import EVERYWHERE, PathPattern, PathScope, ServicePath

ANY_TENANT = "*"
PUBLIC_ID = "public"
"""The subject whose grants everybody has, for reading only."""


class Action(StrEnum):
    """What can be done with entities, and `ADMIN`: administer a tenant or, on "*", the platform."""

    READ = "read"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    SUBSCRIBE = "subscribe"
    REGISTER = "register"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Grant:
    """Allows or denies actions on what all of its conditions cover; None is no condition.

    `id` is unique within the subject. `tenant` is canonical, or ANY_TENANT. `id_pattern` is an RE2
    expression for the whole id. `starts` (inclusive) and `ends` (exclusive) are microseconds.
    `origin` says where the grant comes from: "direct", "role:…", "organisation:…", "product:…".
    """

    id: str
    actions: frozenset[Action]
    tenant: str
    path: PathPattern = EVERYWHERE[0]
    types: frozenset[str] | None = None
    ids: frozenset[str] | None = None
    id_pattern: str | None = None
    attributes: frozenset[str] | None = None
    deny: bool = False
    starts: int | None = None
    ends: int | None = None
    origin: str = ""

    @property
    def names_ids(self) -> bool:
        """Whether it takes the id to tell if an entity is covered."""
        return self.ids is not None or self.id_pattern is not None

    @property
    def is_whole(self) -> bool:
        """Whether it covers everything in its tenant."""
        return (
            self.types is None
            and self.ids is None
            and self.id_pattern is None
            and self.attributes is None
            and self.path == EVERYWHERE[0]
        )

    def applies(self, action: Action, tenant: str, now: int) -> bool:
        """Whether it is about the action in the tenant, and in force."""
        return (
            action in self.actions
            and self.tenant in (ANY_TENANT, tenant)
            and (self.starts is None or self.starts <= now)
            and (self.ends is None or now < self.ends)
        )

    def covers_place(self, type: str, path: ServicePath) -> bool:
        """Whether entities of the type at the path can be covered."""
        return (self.types is None or type in self.types) and self.path.covers(path)

    def covers_id(self, id: str) -> bool:
        """Whether the id is covered."""
        if self.ids is not None and id not in self.ids:
            return False
        return self.id_pattern is None or compile_pattern(self.id_pattern).matches_whole(id)

    def covers_attribute(self, attribute: str) -> bool:
        """Whether the attribute is covered."""
        return self.attributes is None or attribute in self.attributes


_Sides = tuple[tuple[Grant, ...], tuple[Grant, ...]]
"""Allows and denies."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one question: `grant` is the id of the one that decided, None by default."""

    allowed: bool
    grant: str | None
    reason: str


class View:
    """What one caller sees in a tenant (or may do there, for another action than reading).

    `types`, `ids` and `scope` are hints for the store: nothing outside them is seen, but not all
    inside them is. `keys_decide` says that type and path alone decide what is seen and that no
    attribute is hidden, so counts by type and path may be used.
    """

    def __init__(
        self, allows: Iterable[Grant], denies: Iterable[Grant], *, whole: bool = False
    ) -> None:
        """`whole`: an entity is seen only with all it has (for DELETE)."""
        self._whole = whole
        self._denies = tuple(denies)
        hidden = any(deny.is_whole for deny in self._denies)
        self._allows = () if hidden else _without_needless(tuple(allows))
        self._memo: dict[tuple[str, str], _Sides] = {}

    @property
    def is_everything(self) -> bool:
        """Whether every entity is seen with all attributes."""
        return not self._denies and any(allow.is_whole for allow in self._allows)

    @property
    def is_nothing(self) -> bool:
        """Whether no entity is seen, whatever it is."""
        return not self._allows

    @cached_property
    def keys_decide(self) -> bool:
        """Whether type and path decide what is seen, and no attribute is hidden."""
        return not any(
            grant.names_ids or grant.attributes is not None
            for grant in (*self._allows, *self._denies)
        )

    @cached_property
    def types(self) -> frozenset[str] | None:
        """All types that can be seen; None when any can."""
        return _union(allow.types for allow in self._allows)

    @cached_property
    def ids(self) -> frozenset[str] | None:
        """All ids that can be seen; None when any can."""
        return _union(allow.ids for allow in self._allows)

    @cached_property
    def scope(self) -> PathScope:
        """All places where something can be seen."""
        paths = {allow.path for allow in self._allows}
        return EVERYWHERE if EVERYWHERE[0] in paths else tuple(sorted(paths, key=_place))

    def sees(self, id: str, type: str, path: ServicePath) -> bool:
        """Whether the entity is seen at all, perhaps without some attributes."""
        allows, denies = self._around(type, path)
        return any(
            _answers(allow, None, not self._whole) and allow.covers_id(id) for allow in allows
        ) and not any(_answers(deny, None, self._whole) and deny.covers_id(id) for deny in denies)

    def attributes(
        self, id: str, type: str, path: ServicePath, names: Iterable[str]
    ) -> frozenset[str]:
        """Those of the attribute names that are seen of the entity."""
        allows, denies = self._around(type, path)
        allowing = [allow for allow in allows if allow.covers_id(id)]
        hiding = [deny for deny in denies if deny.covers_id(id)]
        return frozenset(
            name
            for name in names
            if any(allow.covers_attribute(name) for allow in allowing)
            and not any(deny.covers_attribute(name) for deny in hiding)
        )

    def attribute_limits(
        self, id: str, type: str, path: ServicePath
    ) -> tuple[frozenset[str] | None, frozenset[str]]:
        """Which attributes are seen of an entity that is seen: only these (None: all), not those.

        For a reader who does not know yet which ones there are; agrees with `attributes`.
        """
        allows, denies = self._around(type, path)
        only = _union(allow.attributes for allow in allows if allow.covers_id(id))
        named = [deny.attributes for deny in denies if deny.covers_id(id)]
        if None in named:
            return frozenset(), frozenset()
        return only, _union(named) or frozenset()

    def shows_all_attributes(self, id: str, type: str, path: ServicePath) -> bool:
        """Whether the entity is seen with every attribute it may ever have."""
        allows, denies = self._around(type, path)
        return any(
            allow.attributes is None and allow.covers_id(id) for allow in allows
        ) and not any(deny.covers_id(id) for deny in denies)

    def _around(self, type: str, path: ServicePath) -> _Sides:
        """The allows and denies that can cover entities of the type at the path."""
        found = self._memo.get((type, path))
        if found is None:
            found = (
                tuple(allow for allow in self._allows if allow.covers_place(type, path)),
                tuple(deny for deny in self._denies if deny.covers_place(type, path)),
            )
            self._memo[type, path] = found
        return found


class Access:
    """What one caller may do at one moment: `grants` in force at `now` (microseconds)."""

    def __init__(
        self, subject: str, grants: Iterable[Grant], now: int, *, is_unlimited: bool = False
    ) -> None:
        self.subject = subject
        self.grants = tuple(grants)
        self.is_unlimited = is_unlimited
        self._now = now
        self._about: dict[tuple[Action, str], _Sides] = {}

    def decide(  # noqa: PLR0917 - five of them name the one thing asked about
        self,
        action: Action,
        tenant: str,
        path: ServicePath,
        type: str,
        id: str,
        attribute: str | None = None,
    ) -> Decision:
        """Whether the action may be done with the entity, or with one attribute of it.

        Without an attribute the question is about the entity as such, and a grant that is limited
        to attributes answers it as well: it allows, and does not deny. For DELETE it is about the
        entity with all it has, so there such a grant does not allow, and denies.
        """
        if self.is_unlimited:
            return Decision(allowed=True, grant=None, reason="allowed: access is unlimited")
        allows, denies = self._grants_for(action, tenant)
        whole = action is Action.DELETE
        for deny in denies:
            if _covers(deny, type, path, id) and _answers(deny, attribute, whole):
                return Decision(allowed=False, grant=deny.id, reason=f"denied by grant {deny.id}")
        for allow in allows:
            if _covers(allow, type, path, id) and _answers(allow, attribute, not whole):
                return Decision(allowed=True, grant=allow.id, reason=f"allowed by grant {allow.id}")
        return Decision(
            allowed=False, grant=None, reason=f"no grant covers {action} of this for {self.subject}"
        )

    def allows(  # noqa: PLR0917 - as `decide`
        self,
        action: Action,
        tenant: str,
        path: ServicePath,
        type: str,
        id: str,
        attribute: str | None = None,
    ) -> bool:
        """Whether `decide` allows."""
        return self.decide(action, tenant, path, type, id, attribute).allowed

    def view(self, tenant: str, action: Action = Action.READ) -> View:
        """What the action may be done with in the tenant; agrees with `decide` on every entity."""
        if self.is_unlimited:
            return View((_EVERYTHING,), ())
        allows, denies = self._grants_for(action, tenant)
        return View(allows, denies, whole=action is Action.DELETE)

    def may(self, action: Action, tenant: str) -> bool:
        """Whether any grant allows the action on anything in the tenant."""
        return self.is_unlimited or bool(self._grants_for(action, tenant)[0])

    def require(  # noqa: PLR0917 - as `decide`
        self,
        action: Action,
        tenant: str,
        path: ServicePath,
        type: str,
        id: str,
        attributes: Iterable[str] = (),
    ) -> None:
        """Raise `refusal` unless the action is allowed with every attribute named.

        Without attributes, the question is about the entity as such (see `decide`); so it must be
        asked when a whole entity is to be deleted.
        """
        for attribute in tuple(attributes) or (None,):
            if not self.allows(action, tenant, path, type, id, attribute):
                what = "this entity" if attribute is None else f"attribute {attribute}"
                raise self.refusal(f"you may not {action} {what}")

    def is_admin(self, tenant: str | None) -> bool:
        """Whether the caller administers the tenant; None is the platform.

        Only a grant without conditions makes an administrator.
        """
        if self.is_unlimited:
            return True
        allows, denies = self._grants_for(Action.ADMIN, ANY_TENANT if tenant is None else tenant)
        return any(allow.is_whole for allow in allows) and not denies

    def require_admin(self, tenant: str | None) -> None:
        """Raise `refusal` unless the caller administers the tenant; None is the platform."""
        if not self.is_admin(tenant):
            what = "the platform" if tenant is None else "this tenant"
            raise self.refusal(f"you may not administer {what}")

    def refusal(self, message: str) -> CityError:
        """What to raise when the caller may not: 403, or 401 for one who has not said who it is."""
        if self.subject == PUBLIC_ID:
            return Unauthenticated(f"{message} without a credential")
        return Forbidden(message)

    def in_force(self, action: Action, tenant: str) -> tuple[Grant, ...]:
        """All grants about the action in the tenant, allows and denies, that are in force."""
        allows, denies = self._grants_for(action, tenant)
        return allows + denies

    def _grants_for(self, action: Action, tenant: str) -> _Sides:
        """The allows and denies about the action in the tenant that are in force."""
        found = self._about.get((action, tenant))
        if found is None:
            about = [grant for grant in self.grants if grant.applies(action, tenant, self._now)]
            found = (
                tuple(grant for grant in about if not grant.deny),
                tuple(grant for grant in about if grant.deny),
            )
            self._about[action, tenant] = found
        return found


_EVERYTHING = Grant("", frozenset(Action), ANY_TENANT)

UNLIMITED = Access(PUBLIC_ID, (), 0, is_unlimited=True)
"""May do everything: internal work, and everybody in a sandbox that is open to all."""


def shared(grants: Iterable[Grant]) -> tuple[Grant, ...]:
    """What everybody has of the public's grants: reading. Their ids get the prefix "public:"."""
    return tuple(
        replace(grant, id=f"{PUBLIC_ID}:{grant.id}", actions=frozenset({Action.READ}))
        for grant in grants
        if Action.READ in grant.actions
    )


def _covers(grant: Grant, type: str, path: ServicePath, id: str) -> bool:
    return grant.covers_place(type, path) and grant.covers_id(id)


def _answers(grant: Grant, attribute: str | None, about_entity: bool) -> bool:
    """Whether the grant is about this attribute or, without one, about the entity as such."""
    if grant.attributes is None:
        return True
    return about_entity if attribute is None else attribute in grant.attributes


def _union(sets: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    united: frozenset[str] = frozenset()
    for one in sets:
        if one is None:
            return None
        united |= one
    return united


def _place(pattern: PathPattern) -> tuple[str, bool]:
    return pattern.path, pattern.subtree


def _without_needless(allows: tuple[Grant, ...]) -> tuple[Grant, ...]:
    """The allows; only one when it covers everything that the others do."""
    return next(((allow,) for allow in allows if allow.is_whole), allows)
