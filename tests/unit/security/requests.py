"""Short ways to say policies and requests."""

from typing import Any

from models.authzen.requests import AccessRequest
from security.decisions.policy_language import Attributes, Policy, compile_policy, read_policy


def policy(id: str = "p", effect: str = "allow", **members: Any) -> Policy:
    """A policy in force, from its members as they are written."""
    return compile_policy(id, read_policy({"effect": effect, **members}))


def request(
    subject: str = "user/alice", action: str = "read", resource: str = "record/1", **more: Any
) -> AccessRequest:
    """A request; `more` are `subject_properties`, `resource_properties`, `action_properties` and
    `context`."""
    return AccessRequest.model_validate(
        {
            "subject": _party(subject, more.get("subject_properties")),
            "action": {"name": action, "properties": more.get("action_properties")},
            "resource": _party(resource, more.get("resource_properties")),
            "context": more.get("context"),
        }
    )


def attributes(*names: str, **more: Any) -> Attributes:
    """The attributes of such a request."""
    return request(*names, **more).model_dump()


def _party(name: str, properties: Any) -> dict[str, Any]:
    type, _, id = name.partition("/")
    return {"type": type, "id": id, "properties": properties}
