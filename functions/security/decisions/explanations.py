"""Why an access is allowed or denied: what decided, where that comes from, and what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from city.json import Json
from city.policy.grant_forms import show_grant
from city.policy.grants import Access, Grant
from city.tenancy import shown
from models.authzen.requests import AccessRequest
from security.decisions.entity_decisions import EntityQuestion
from security.decisions.evaluations import Asker, Evaluations, Known
from security.decisions.policy_language import Policy, decide

MAX_NEAREST = 10
"""Grants or policies that an explanation names when none of them applied."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision and its grounds, as JSON.

    `decided_by` is the grant or policy, empty when nothing applied; `nearest` are those that would
    have allowed, with what of them does not fit; `needed` is a grant that would.
    """

    decision: bool
    reason: str
    decided_by: dict[str, Json] = field(default_factory=dict)
    nearest: list[Json] = field(default_factory=list)
    needed: dict[str, Json] = field(default_factory=dict)

    def shown(self) -> dict[str, Json]:
        """The explanation as the interface shows it."""
        members: dict[str, Json] = {"decision": self.decision, "reason": self.reason}
        if self.decided_by:
            members["decidedBy"] = self.decided_by
        if self.nearest or self.needed:
            members["missing"] = {"nearest": self.nearest, "needed": self.needed or None}
        return members


class Explanations:
    """Explains decisions; those of `Evaluations`, made from the same reading."""

    def __init__(self, evaluations: Evaluations) -> None:
        self._evaluations = evaluations

    def explain(self, asker: Asker, request: AccessRequest) -> Explanation:
        """Why the access is allowed or not. Raises what `Evaluations.evaluate` raises."""
        question = self._evaluations.question(asker, request)
        known = self._evaluations.known(asker.tenant, [request])
        if question is None:
            return _by_policies(request, known)
        return _by_grants(question, known.access(request.subject), known)


def _by_policies(request: AccessRequest, known: Known) -> Explanation:
    attributes = known.attributes(request)
    allowed, policy = decide(known.policies, attributes, known.now)
    if policy is not None:
        verb = "allowed" if allowed else "denied"
        return Explanation(allowed, f"{verb} by policy {policy.id}", _show_policy(policy))
    misses = [
        (policy, policy.unmet(attributes, known.now))
        for policy in known.policies
        if not policy.denies
    ]
    misses.sort(key=lambda miss: len(miss[1]))
    nearest: list[Json] = [
        {"kind": "policy", "id": policy.id, "unmet": [*unmet]}
        for policy, unmet in misses[:MAX_NEAREST]
    ]
    return Explanation(decision=False, reason="no policy allows this", nearest=nearest)


def _by_grants(question: EntityQuestion, access: Access, known: Known) -> Explanation:
    decision = question.decided_by(access)
    grant = next((one for one in access.grants if one.id == decision.grant), None)
    if grant is not None:
        return Explanation(decision.allowed, decision.reason, _show_grant(grant))
    return Explanation(
        decision=decision.allowed,
        reason=decision.reason,
        nearest=_nearest(question, access.grants, known.now),
        needed=_needed(question),
    )


def _nearest(question: EntityQuestion, grants: Sequence[Grant], now: int) -> list[Json]:
    misses = [(grant, _unmet(question, grant, now)) for grant in grants if not grant.deny]
    misses.sort(key=lambda miss: len(miss[1]))
    return [{**_show_grant(grant), "unmet": [*unmet]} for grant, unmet in misses[:MAX_NEAREST]]


def _unmet(question: EntityQuestion, grant: Grant, now: int) -> list[str]:
    """The members of a grant, in its wire form, that keep it from covering the question."""
    attribute = question.attribute
    checks = (
        ("actions", question.action in grant.actions),
        ("tenant", grant.tenant in ("*", question.tenant)),
        ("validFrom", grant.starts is None or grant.starts <= now),
        ("validUntil", grant.ends is None or now < grant.ends),
        ("servicePath", grant.path.covers(question.path)),
        ("types", grant.types is None or question.type in grant.types),
        ("ids", grant.ids is None or question.id in grant.ids),
        ("idPattern", grant.ids is not None or grant.covers_id(question.id)),
        ("attributes", attribute is None or grant.covers_attribute(attribute)),
    )
    return [name for name, holds in checks if not holds]


def _needed(question: EntityQuestion) -> dict[str, Json]:
    """The narrowest grant that would allow, in its wire form; none for an unknown action."""
    if question.action is None:
        return {}
    needed: dict[str, Json] = {
        "actions": [question.action.value],
        "tenant": question.tenant,
        "servicePath": shown(question.path),
        "types": [question.type],
        "ids": [question.id],
    }
    return needed | ({"attributes": [question.attribute]} if question.attribute else {})


def _show_grant(grant: Grant) -> dict[str, Json]:
    return {"kind": "grant", **show_grant(grant)}


def _show_policy(policy: Policy) -> dict[str, Json]:
    document = policy.document
    validity = {"validFrom": document.valid_from, "validUntil": document.valid_until}
    return {
        "kind": "policy",
        "id": policy.id,
        "effect": document.effect,
        "description": document.description,
        "origin": "direct",
        **{name: text for name, text in validity.items() if text is not None},
    }
