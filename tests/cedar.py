"""A second opinion on grants: each becomes a policy of Cedar, and Cedar's own engine decides.

The translation starts from the wire form, so it shares no code with the decisions it judges. Cedar
has no regular expressions; PATTERNS gives the few that tests use in terms of its `like`.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import cedarpy

from city.json import Json

PATTERNS = {
    "x.*": ("x*",),
    ".*1": ("*1",),
    "x1|y1": ("x1", "y1"),
    "x": ("x",),
    ".*": ("*",),
    "x.": ("x1", "x2", "xé"),
}
"""RE2 patterns for whole ids, with the `like` patterns that match the same of the tests' ids."""


class Question(NamedTuple):
    """May this be done with that entity, or with one attribute of it?"""

    action: str
    tenant: str
    path: str
    type: str
    id: str
    attribute: str | None


def answers(
    grants: Sequence[dict[str, Json]], questions: Iterable[Question], now: int
) -> list[bool]:
    """Cedar's decisions; grants in wire form, `now` in microseconds."""
    policies = "\n".join(_policy(number, grant) for number, grant in enumerate(grants))
    questions = list(questions)
    results = cedarpy.is_authorized_batch([_request(one, now) for one in questions], policies, [])
    for result in results:
        assert result.diagnostics.errors == []
    return [result.allowed for result in results]


def _request(question: Question, now: int) -> dict[str, Json]:
    context: dict[str, Json] = {
        "tenant": question.tenant,
        "path": question.path,
        "type": question.type,
        "id": question.id,
        "now": now,
    }
    if question.attribute is not None:
        context["attribute"] = question.attribute
    return {
        "principal": 'Subject::"somebody"',
        "action": f'Action::"{question.action}"',
        "resource": 'Entity::"it"',
        "context": context,
    }


def _policy(number: int, grant: dict[str, Json]) -> str:
    allows = grant["effect"] == "allow"
    actions = ", ".join(f"Action::{_text(action)}" for action in _list(grant["actions"]))
    conditions = [
        f"[{actions}].contains(action)",
        *_place(grant),
        *_names(grant),
        *_times(grant),
    ]
    if "attributes" in grant:
        named = (
            f"context has attribute && {_texts(grant['attributes'])}.contains(context.attribute)"
        )
        # whether a question about the entity as such is answered as well
        deletes = 'action == Action::"delete"'
        as_such = f"!({deletes})" if allows else deletes
        conditions.append(f"(({named}) || (!(context has attribute) && {as_such}))")
    effect = "permit" if allows else "forbid"
    condition = " && ".join(f"({condition})" for condition in conditions)
    return f'@id("{number}") {effect}(principal, action, resource) when {{ {condition} }};'


def _place(grant: dict[str, Json]) -> list[str]:
    path = str(grant["servicePath"])
    conditions = []
    if grant["tenant"] != "*":
        conditions.append(f"context.tenant == {_text(grant['tenant'])}")
    if path.endswith("/#"):
        conditions.append(f"context.path like {_text(path[:-1] + '*')}")
    else:
        conditions.append(f"context.path == {_text(path if path == '/' else path + '/')}")
    return conditions


def _names(grant: dict[str, Json]) -> list[str]:
    conditions = []
    if "types" in grant:
        conditions.append(f"{_texts(grant['types'])}.contains(context.type)")
    if "ids" in grant:
        conditions.append(f"{_texts(grant['ids'])}.contains(context.id)")
    if "idPattern" in grant:
        likes = PATTERNS[str(grant["idPattern"])]
        conditions.append(" || ".join(f"context.id like {_text(like)}" for like in likes))
    return conditions


def _times(grant: dict[str, Json]) -> list[str]:
    bounds = (("validFrom", "<="), ("validUntil", ">"))
    return [
        f"{_moment(str(grant[member]))} {comparison} context.now"
        for member, comparison in bounds
        if member in grant
    ]


def _moment(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int(moment.replace(microsecond=0).timestamp()) * 1_000_000 + moment.microsecond


def _list(value: Json) -> list[Json]:
    assert isinstance(value, list)
    return value


def _text(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def _texts(value: Json) -> str:
    return f"[{', '.join(map(_text, _list(value)))}]"
