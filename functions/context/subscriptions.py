"""Subscriptions as clients manage them: create, read, list, change, delete (NGSI-v2).

What the client sent is checked here to the last detail, patterns and filters included, so that a
stored subscription can always be matched. Answers show defaults and what became of it.

A subscription belongs to the subject that made it. Others do not know it, but for those who
administer the tenant. It may only be about what its maker may read and subscribe to.
"""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from string import hexdigits

from pydantic import ValidationError

from city.clock import SECOND, Clock
from city.dates import format_date, parse_date
from city.dynamodb import ConditionFailed
from city.errors import CityError, Contended, InvalidRequest, Malformed, NotFound, Unsupported
from city.json import Json
from city.policy import Caller
from city.policy.grants import Access, Action, View
from city.tenancy import PathPattern, Tenant, overlap, parse_read_scope, shown
from context.matching import compile_subject
from context.ngsi_v2.body import UNREADABLE
from context.ngsi_v2.payload import default_type
from context.owners import Owner
from context.rights import require_any
from context.store.subscriptions import State, StoredSubscription, SubscriptionStore
from models.ngsi_v2.faults import is_unsupported
from models.ngsi_v2.notification import Notification
from models.ngsi_v2.subscription import Subject, Subscription, explain_subscription

MAX_TRIES = 8
"""How often a PATCH starts again because another was faster."""

EVERYWHERE = "/#"
ID_LENGTH = 24


class Subscriptions:
    """The subscriptions of all tenants, over their store; safe for threads."""

    def __init__(self, store: SubscriptionStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create(self, tenant: Tenant, path: str | None, body: Json, caller: Caller) -> str:
        """Make a subscription and return its id (24 hex digits, in order of creation).

        `path` is the `Fiware-ServicePath` header; without it every path is watched. Changes from
        this moment on are honoured. Raises InvalidRequest with the text of the first fault, or
        Forbidden.
        """
        require_any(caller.access, Action.SUBSCRIBE, tenant)
        now = self._clock()
        document = _document(_members(body))
        watched = _watched_path(path) or EVERYWHERE
        _check_visible(document.subject, watched, tenant, caller.access)
        subscription = StoredSubscription(
            tenant=tenant,
            id=_new_id(now),
            owner=Owner(caller.subject.id, caller.subject.client),
            path=watched,
            since=now,
            expires=_expiry(document),
            document=document,
        )
        self._store.create(subscription)
        return subscription.id

    def get(self, tenant: Tenant, id: str, caller: Caller) -> dict[str, Json]:
        """One subscription as the wire shows it. Raises InvalidRequest, NotFound or Forbidden."""
        return _shown(self._find(tenant, id, caller), self._clock())

    def list(
        self, tenant: Tenant, path: str | None, limit: int, offset: int, caller: Caller
    ) -> tuple[list[dict[str, Json]], int]:
        """A page of the caller's in order of creation, and how many there are.

        With `path` (other than "/#") only those that watch exactly this path. Raises Forbidden for
        a caller who has none and may not make one.
        """
        watched, everybodys = _watched_path(path), _administers(caller.access, tenant)
        mine = [
            subscription
            for subscription in self._store.all(tenant)
            if everybodys or _owns(caller, subscription)
        ]
        if not (mine or everybodys):
            require_any(caller.access, Action.SUBSCRIBE, tenant)
        chosen = [one for one in mine if watched in (None, EVERYWHERE, one.path)]
        now = self._clock()
        return [_shown(one, now) for one in chosen[offset : offset + limit]], len(chosen)

    def update(self, tenant: Tenant, id: str, path: str | None, body: Json, caller: Caller) -> None:
        """Change the given members; `subject` and `notification` are replaced whole (PATCH).

        A `status` makes a subscription that had switched itself off start again. Raises
        InvalidRequest, NotFound, Forbidden or Contended.
        """
        require_any(caller.access, Action.SUBSCRIBE, tenant)
        changes = _members(body)
        watched = _watched_path(path)
        for _ in range(MAX_TRIES):
            present = self._find(tenant, id, caller)
            if "notification" in changes and not _owns(caller, present):
                _check_sees_everything(tenant, caller.access)
            changed = _patched(present, changes, watched, self._clock())
            _check_visible(changed.document.subject, changed.path, tenant, caller.access)
            try:
                self._store.replace(present, changed, revive="status" in changes)
            except ConditionFailed:
                continue
            return
        raise Contended("the subscription is being changed by others; try again")

    def delete(self, tenant: Tenant, id: str, caller: Caller) -> None:
        """Remove a subscription; what it has not delivered yet is dropped.

        Raises NotFound or Forbidden.
        """
        _check_id(id)
        everybodys = _administers(caller.access, tenant)
        if not self._store.delete(tenant, id, None if everybodys else caller.subject.id):
            require_any(caller.access, Action.SUBSCRIBE, tenant)
            raise _not_found()

    def _find(self, tenant: Tenant, id: str, caller: Caller) -> StoredSubscription:
        """The subscription, if the caller may know it."""
        _check_id(id)
        found = self._store.get(tenant, id)
        if found and (_owns(caller, found) or _administers(caller.access, tenant)):
            return found
        require_any(caller.access, Action.SUBSCRIBE, tenant)
        raise _not_found()


def _owns(caller: Caller, subscription: StoredSubscription) -> bool:
    return subscription.owner.subject == caller.subject.id


def _administers(access: Access, tenant: Tenant) -> bool:
    try:
        access.require_admin(tenant)
    except CityError:
        return False
    return True


def _check_visible(subject: Subject, path: str, tenant: Tenant, access: Access) -> None:
    """Refuse what could never be notified: places, types and ids the caller has no grant for.

    What is left open (patterns, other types) is narrowed at every notification.
    """
    (watched,) = parse_read_scope(path)
    for action in (Action.READ, Action.SUBSCRIBE):
        require_any(access, action, tenant)
        view = access.view(tenant, action)
        if not overlap((watched,), view.scope):
            raise access.refusal(f"no grant lets you {action} anything at {path}")
        for name, text, known in _named(subject, view):
            if known is not None and text not in known:
                raise access.refusal(f"no grant lets you {action} entities of {name} {text}")


def _check_sees_everything(tenant: Tenant, access: Access) -> None:
    """Refuse to send elsewhere, perhaps to himself, what another sees and the caller may not."""
    for action in (Action.READ, Action.SUBSCRIBE):
        if not access.view(tenant, action).is_everything:
            raise access.refusal(
                "where another's notifications go is changed by who may read and subscribe to "
                "everything in this tenant; make a subscription of your own"
            )


def _named(subject: Subject, view: View) -> Iterator[tuple[str, str, frozenset[str] | None]]:
    """The types and ids a subject names, each with those that a view shows (None: any)."""
    for selector in subject.entities:
        if selector.type:
            yield "type", selector.type, view.types
        if selector.id:
            yield "id", selector.id, view.ids


def _members(body: Json) -> dict[str, Json]:
    if not isinstance(body, dict):
        raise Malformed(UNREADABLE)
    if not body:
        raise InvalidRequest("empty payload")
    return body


def _document(members: dict[str, Json]) -> Subscription:
    """The checked document; its patterns and filters compile.

    Raises InvalidRequest, or Unsupported for MQTT, Kafka and JEXL.
    """
    try:
        document = Subscription.model_validate(members)
    except ValidationError as error:
        refusal = Unsupported if is_unsupported(error) else InvalidRequest
        raise refusal(explain_subscription(error)) from None
    compile_subject(document.subject)
    return document


def _expiry(document: Subscription) -> int | None:
    """The end in microseconds; whole seconds, as the interface shows them."""
    if not document.expires:
        return None
    try:
        return parse_date(document.expires) // SECOND * SECOND
    except ValueError:
        raise InvalidRequest("expires has an invalid format") from None


def _patched(
    present: StoredSubscription, changes: dict[str, Json], path: str | None, now: int
) -> StoredSubscription:
    """The subscription with the changes. One that starts again sees changes from now on."""
    document = _document(_merged(present.document, changes))
    starts = "status" in changes and present.status(now) != "active"
    return replace(
        present,
        path=path or present.path,
        since=now if starts else present.since,
        expires=_expiry(document),
        document=document,
    )


def _merged(present: Subscription, changes: dict[str, Json]) -> dict[str, Json]:
    """Old and new members as one document; some flags outlive the member they are in."""
    members: dict[str, Json] = present.model_dump(by_alias=True, exclude_unset=True)
    merged = members | changes
    notification, subject = changes.get("notification"), changes.get("subject")
    if isinstance(notification, dict):
        lasting = present.notification.model_dump(
            by_alias=True, exclude_unset=True, include=_LASTING_IN_NOTIFICATION
        )
        merged["notification"] = lasting | notification
    if isinstance(subject, dict) and not present.subject.condition.notify_on_metadata_change:
        condition = subject.get("condition", {"attrs": []})
        if condition and isinstance(condition, dict):
            merged["subject"] = subject | {"condition": _MUTE | condition}
    return merged


_LASTING_IN_NOTIFICATION = {"only_changed_attrs", "covered", "max_fails_limit"}
_MUTE: dict[str, Json] = {"notifyOnMetadataChange": False}


def _watched_path(header: str | None) -> str | None:
    """The one path of the header in its canonical form; None without a header."""
    if not header:
        return None
    scope = parse_read_scope(header)
    if len(scope) > 1:
        raise InvalidRequest("max one service-path allowed for subscriptions")
    return _path_text(scope[0])


def _path_text(pattern: PathPattern) -> str:
    if not pattern.subtree:
        return shown(pattern.path)
    return f"{pattern.path}#"


def _new_id(now: int) -> str:
    """24 hex digits: seconds and microseconds, so that ids sort by creation, and randomness."""
    return f"{now // SECOND:08x}{now % SECOND:05x}{secrets.token_hex(6)[1:]}"


def _check_id(id: str) -> None:
    if len(id) != ID_LENGTH:
        raise InvalidRequest(f"Invalid subscription ID: bad length - {ID_LENGTH} chars expected")
    if not all(character in hexdigits for character in id):
        raise InvalidRequest("Invalid subscription ID: invalid char in ID string")


def _not_found() -> NotFound:
    return NotFound("The requested subscription has not been found. Check id")


def _shown(subscription: StoredSubscription, now: int) -> dict[str, Json]:
    """The subscription with defaults and state, in the order Orion shows its members."""
    document = subscription.document
    members: dict[str, Json] = {"id": subscription.id}
    if document.description:
        members["description"] = document.description
    if subscription.expires is not None:
        members["expires"] = _time(subscription.expires)
    members["status"] = subscription.status(now)
    members["subject"] = _shown_subject(document.subject)
    members["notification"] = _shown_notification(document.notification, subscription.state)
    if document.throttling > 0:
        members["throttling"] = document.throttling
    return members


def _shown_subject(subject: Subject) -> dict[str, Json]:
    condition = subject.condition
    shown_condition: dict[str, Json] = {"attrs": [*condition.attrs]}
    if condition.expression:
        shown_condition["expression"] = condition.expression.model_dump(exclude_unset=True)
    if condition.alteration_types:
        shown_condition["alterationTypes"] = [*condition.alteration_types]
    shown_condition["notifyOnMetadataChange"] = condition.notify_on_metadata_change
    entities: list[Json] = [
        selector.model_dump(by_alias=True, exclude_unset=True) for selector in subject.entities
    ]
    return {"entities": entities, "condition": shown_condition}


def _shown_notification(notification: Notification, state: State) -> dict[str, Json]:
    chosen = "exceptAttrs" if notification.except_attrs else "attrs"
    members: dict[str, Json] = {
        "timesSent": state.sent or None,
        "lastNotification": _time(state.last),
        chosen: [*(notification.except_attrs or notification.attrs)],
        "onlyChangedAttrs": notification.only_changed_attrs,
        "attrsFormat": notification.attrs_format,
        **_shown_channel(notification),
        "metadata": [*notification.metadata] or None,
        "lastFailure": _time(state.failure),
        "lastFailureReason": state.failure_reason or None,
        "lastSuccess": _time(state.success),
        "lastSuccessCode": state.success_code or None,
        "maxFailsLimit": notification.max_fails_limit or None,
        "failsCounter": state.fails or None,
        "covered": notification.covered,
    }
    return {name: value for name, value in members.items() if value is not None}


def _shown_channel(notification: Notification) -> dict[str, Json]:
    """What was sent, without members that say nothing, and with the types of patches."""
    channel: dict[str, dict[str, Json]] = notification.model_dump(
        by_alias=True, exclude_unset=True, include={"http", "http_custom"}
    )
    for target in channel.values():
        for member in ("timeout", "method", "payload"):
            if target.get(member) in (0, ""):
                del target[member]
        if isinstance(patch := target.get("ngsi"), dict):
            target["ngsi"] = {name: _typed(member) for name, member in patch.items()}
    return {**channel}


def _typed(member: Json) -> Json:
    """An attribute of a patch with its type; id and type of the patch as they are."""
    if not isinstance(member, dict):
        return member
    return {"type": default_type(member.get("value")), **member}


def _time(moment: int) -> str | None:
    """Whole seconds with `.000Z`, or None for never."""
    return format_date(moment // SECOND * SECOND) if moment else None
