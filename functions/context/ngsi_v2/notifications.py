"""The HTTP request that tells a subscriber of a change (NGSI-v2 "Notification Messages").

Everything is rendered from the images of the change, never from a later read: two quick updates
are two notifications, each with its own values.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import cast
from uuid import NAMESPACE_OID, uuid5

from city.document import Attribute, Entity
from city.json import Json, dump
from city.tenancy import shown
from context.changes import Change
from context.messages import Request
from context.ngsi_v2 import render
from context.ngsi_v2.macros import (
    Facts,
    as_text,
    fill_header,
    fill_json,
    fill_query,
    fill_text,
    fill_url,
)
from context.ngsi_v2.payload import default_type
from context.ngsi_v2.render import ALL, Extras, Projection
from context.store.subscriptions import StoredSubscription
from models.ngsi_v2.notification import MAX_PRIORITY, OWN_HEADERS, HttpCustom, Notification

JSON_TYPE = "application/json; charset=utf-8"
TEXT_TYPE = "text/plain; charset=utf-8"
USER_AGENT = "SynchroniCity"

_CUSTOM = "custom"
_FIXED_HEADERS = frozenset({"fiware-correlator", "ngsiv2-attrsformat"})
_BUILTINS = frozenset(
    {"alterationType", "dateCreated", "dateModified", "dateExpires", "servicePath"}
)
_BUILTINS_OF_EVERY_CHANGE = frozenset({"alterationType", "dateCreated", "dateModified", ALL})


@dataclass(frozen=True, slots=True)
class _View:
    """What a subscription is shown of an entity, and in which form."""

    subscription: StoredSubscription
    entity: Entity
    projection: Projection
    extras: Extras

    def body(self) -> str:
        """The standard message."""
        form = self.subscription.document.notification.attrs_format
        match form:
            case "keyValues" | "simplifiedKeyValues":
                entity: Json = render.key_values(self.entity, self.projection, self.extras)
            case "values":
                entity = render.values(self.entity, self.projection, self.extras)
            case _:
                entity = render.normalized(self.entity, self.projection, self.extras)
        if form.startswith("simplified"):
            return dump(entity)
        return dump({"subscriptionId": self.subscription.id, "data": [entity]})


def render_request(
    subscription: StoredSubscription, change: Change, position: int
) -> Request | None:
    """The request to send, or None when no attribute is left that the subscription wants to see.

    `position` numbers the notifications of one change, for the correlator.
    """
    notification = subscription.document.notification
    names = _shown_names(notification, change)
    if names is None:
        return None
    projection = Projection(
        attrs=names,
        metadata=tuple(notification.metadata),
        except_attrs=() if names else tuple(notification.except_attrs),
    )
    view = _View(
        subscription,
        _covering(change.entity, notification),
        projection,
        _extras(change, notification),
    )
    headers = _headers(subscription, change, position)
    if notification.http_custom:
        return _custom(view, notification.http_custom, headers)
    assert notification.http, "a subscription has http or httpCustom"
    return Request("POST", notification.http.url, headers, view.body())


def _shown_names(notification: Notification, change: Change) -> tuple[str, ...] | None:
    """Names of the attributes to show, in order; () for all, None when nothing is left."""
    if not notification.only_changed_attrs or change.new is None:
        return tuple(notification.attrs)
    touched = change.touched
    if notification.except_attrs:
        left_out = frozenset(notification.except_attrs)
        names = [name for name in touched if name not in left_out]
    elif not notification.attrs or ALL in notification.attrs:
        builtins = [name for name in notification.attrs if name in _BUILTINS]
        names = [*touched, *(name for name in builtins if name not in touched)]
    else:
        kept = _BUILTINS_OF_EVERY_CHANGE.union(touched)
        names = [name for name in notification.attrs if name in kept]
    return tuple(names) or None


def _covering(entity: Entity, notification: Notification) -> Entity:
    """The entity with null for listed attributes it does not have, if the client wants that."""
    if not notification.covered:
        return entity
    missing = {
        name: Attribute("None", None)
        for name in notification.attrs
        if name not in entity.attributes and name not in _BUILTINS and name != ALL
    }
    return replace(entity, attributes=entity.attributes | missing)


def _extras(change: Change, notification: Notification) -> Extras:
    """Builtins that come with a change: its kind, earlier values, what was done to attributes."""
    attributes = {"alterationType": Attribute("Text", change.alteration.value)}
    if not {"previousValue", "actionType"} & set(notification.metadata):
        return Extras(attributes)
    touched = frozenset(change.touched)
    metadata = {
        name: dict(_metadata(change, name, touched=name in touched))
        for name in change.entity.attributes
    }
    return Extras(attributes, metadata)


def _metadata(change: Change, name: str, *, touched: bool) -> Iterator[tuple[str, Attribute]]:
    before = change.old.attributes.get(name) if change.old else None
    if before is not None:
        yield "previousValue", Attribute(before.type, render.shown_value(before))
    if touched:
        yield "actionType", Attribute("Text", "append" if before is None else "update")


def _headers(subscription: StoredSubscription, change: Change, position: int) -> dict[str, str]:
    headers = {
        "Content-Type": JSON_TYPE,
        "Accept": "application/json",
        "User-Agent": USER_AGENT,
        "Fiware-ServicePath": shown(change.identity.path),
        "Ngsiv2-AttrsFormat": subscription.document.notification.attrs_format,
    }
    if subscription.tenant:
        headers["Fiware-Service"] = subscription.tenant
    headers["Fiware-Correlator"] = f"{_correlator(change)}; cbnotif={position}"
    return headers


def _correlator(change: Change) -> str:
    """The request's; made up for a deletion, of whose request the stream tells nothing."""
    if change.new and change.new.write.correlator:
        return change.new.write.correlator
    return str(uuid5(NAMESPACE_OID, "\0".join([*change.identity, change.sequence])))


def _custom(view: _View, template: HttpCustom, headers: dict[str, str]) -> Request:
    facts = Facts(view.entity)
    if template.ngsi is not None:
        body = replace(view, entity=_patched(template.ngsi, view.entity)).body()
    elif template.given("json_body"):
        body = dump(fill_json(template.json_body, facts))
        headers["Ngsiv2-AttrsFormat"] = _CUSTOM
    elif template.payload is None:
        body = ""
        del headers["Content-Type"]
        headers["Ngsiv2-AttrsFormat"] = _CUSTOM
    elif template.payload:
        body = fill_text(template.payload, facts)
        headers |= {"Content-Type": TEXT_TYPE, "Ngsiv2-AttrsFormat": _CUSTOM}
    else:
        body = view.body()
    url = _with_query(fill_url(template.url, facts), template.qs, facts)
    return Request(template.method or "POST", url, _overridden(headers, template, facts), body)


def _with_query(url: str, qs: dict[str, str], facts: Facts) -> str:
    pairs = [(fill_query(name, facts), fill_query(value, facts)) for name, value in qs.items()]
    query = "&".join(f"{name}={value}" for name, value in pairs if name and value)
    if not query:
        return url
    return f"{url}{'&' if '?' in url else '?'}{query}"


def _overridden(headers: dict[str, str], template: HttpCustom, facts: Facts) -> dict[str, str]:
    """The headers with the client's own; an empty value removes a header."""
    by_name = {name.lower(): (name, value) for name, value in headers.items()}
    for name_template, value_template in template.headers.items():
        name = fill_header(name_template, facts)
        value = fill_header(value_template, facts)
        if not name or value is None or name.lower() in _FIXED_HEADERS | OWN_HEADERS:
            continue
        by_name.pop(name.lower(), None)
        if value:
            by_name[name.lower()] = (name, value)
    return dict(by_name.values())


def _patched(patch: dict[str, Json], entity: Entity) -> Entity:
    """The entity as an NGSI patch changes it; attributes are filled in order of evalPriority."""
    facts = Facts(entity)
    attributes = dict(entity.attributes)
    members = {
        name: cast("dict[str, Json]", member)
        for name, member in patch.items()
        if name not in ("id", "type")
    }
    for name, member in sorted(members.items(), key=lambda item: _priority(item[1])):
        template = member.get("value")
        value = fill_json(template, facts)
        metadata = cast("dict[str, dict[str, Json]]", member.get("metadata", {}))
        attributes[name] = Attribute(
            _type_in_patch(member),
            value,
            {key: Attribute(_type_in_patch(one), one["value"]) for key, one in metadata.items()},
        )
        facts.patch(name, value)
    identity = entity.identity._replace(
        id=_identifier(patch.get("id"), entity.identity.id, facts),
        type=_identifier(patch.get("type"), entity.identity.type, facts),
    )
    return replace(entity, identity=identity, attributes=attributes)


def _type_in_patch(member: dict[str, Json]) -> str:
    return cast("str", member.get("type") or default_type(member.get("value")))


def _identifier(template: Json, present: str, facts: Facts) -> str:
    """An id or type as a patch makes it, always a text; the present one if it makes nothing."""
    value = fill_json(template, facts)
    return present if value in (None, "") else as_text(value)


def _priority(member: dict[str, Json]) -> float:
    metadata = cast("dict[str, dict[str, float]]", member.get("metadata", {}))
    return metadata.get("evalPriority", {}).get("value", MAX_PRIORITY)
