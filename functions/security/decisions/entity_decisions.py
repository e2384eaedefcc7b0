"""Decisions about entities of the context: by the native grants in the subject's account.

An AuthZEN resource of the type `entity` is an NGSI entity: `id` is its id; of its properties,
`type` is its entity type, `tenant` the tenant (absent: the one the request is about), `servicePath`
its place (absent: the root) and `attribute` the attribute the question is about, if it is about one.
The answer is the one that the context API acts upon.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from city.errors import InvalidRequest
from city.json import Json
from city.policy.accounts import Account, Accounts, everybodys
from city.policy.grants import PUBLIC_ID, Access, Action, Decision, Grant
from city.tenancy import ServicePath, Tenant, parse_tenant, parse_write_path
from models.authzen.requests import Party

ENTITY = "entity"
"""The type of the AuthZEN resources that are entities."""

ANY_KIND = "subject"
"""The AuthZEN subject type that stands for users, applications, keys and all other accounts."""


ACTIONS = {action.value: action for action in Action}
"""The actions that grants know, by name."""


MAX_SUBJECT = 1024
"""Bytes of the id of a subject that can have an account."""


@dataclass(frozen=True, slots=True)
class EntityQuestion:
    """What an AuthZEN resource says of an entity; `action` is None for one that grants know not."""

    action: Action | None
    tenant: Tenant
    path: ServicePath
    type: str
    id: str
    attribute: str | None = None

    def decided_by(self, access: Access) -> Decision:
        """The decision of a subject's grants."""
        if self.action is None:
            actions = ", ".join(Action)
            return Decision(
                allowed=False, grant=None, reason=f"the actions on entities are {actions}"
            )
        return access.decide(
            self.action, self.tenant, self.path, self.type, self.id, self.attribute
        )

    def about(self, action: str) -> "EntityQuestion":
        """The same question about another action."""
        return replace(self, action=ACTIONS.get(action))


def read_question(action: str, resource: Party, tenant: Tenant) -> EntityQuestion:
    """The question that an action on an entity resource is.

    `tenant` is used unless the resource names one. Raises InvalidRequest naming the property that
    is wrong.
    """
    properties = resource.properties
    entity_type = text_of(properties, "type")
    if not entity_type:
        raise InvalidRequest("resource.properties.type is missing: the type of the entity")
    return EntityQuestion(
        ACTIONS.get(action),
        tenant_of(properties, tenant),
        path_of(properties),
        entity_type,
        resource.id,
        text_of(properties, "attribute"),
    )


def tenant_of(properties: Mapping[str, Json], default: Tenant) -> Tenant:
    """The tenant that an entity resource names, or the default."""
    named = text_of(properties, "tenant")
    return default if named is None else parse_tenant(named)


def path_of(properties: Mapping[str, Json]) -> ServicePath:
    """The service path that an entity resource names, or the root."""
    return parse_write_path(text_of(properties, "servicePath"))


def accounts_for(subjects: Iterable[str], accounts: Accounts) -> Mapping[str, Account]:
    """The accounts that decisions on subjects need: theirs, and the public's."""
    possible = {subject for subject in subjects if len(subject.encode()) <= MAX_SUBJECT}
    return accounts.find(sorted({*possible, PUBLIC_ID}))


def access_of(subject: Party, accounts: Mapping[str, Account], now: int) -> Access:
    """What a subject may do: its own grants and what everybody has.

    A subject without an account, or of another kind than the question says, has what everybody
    has; one that is disabled or a key that has ended has nothing.
    """
    everybody = everybodys(accounts.get(PUBLIC_ID))
    account = accounts.get(subject.id)
    if account is None or subject.type not in (ANY_KIND, account.kind):
        return Access(subject.id, everybody, now)
    if not account.active or account.is_ended_key(now):
        return Access(subject.id, (), now)
    own: tuple[Grant, ...] = account.grants
    return Access(subject.id, own if account.subject == PUBLIC_ID else (*own, *everybody), now)


def text_of(properties: Mapping[str, Json], name: str) -> str | None:
    """A property of an entity resource. Raises InvalidRequest when it is no text."""
    value = properties.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidRequest(f"resource.properties.{name} must be a string")
    return value
