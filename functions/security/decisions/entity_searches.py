"""Searches about entities of the context, answered from grants.

Subjects are looked for among the registered users or applications and among those that hold a
direct grant in the tenant; resources among the ids that the subject's grants name. Entities
themselves are not read: those that grants cover by type, path or pattern are told by the context
API, whose lists are narrowed to them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge

from city.clock import Clock
from city.json import Json
from city.keys import key, split
from city.policy.accounts import Account, Accounts
from city.policy.grants import ANY_TENANT, Access, Action, Grant
from city.tenancy import ServicePath, Tenant, shown
from models.authzen.requests import ActionSearch, Party, ResourceSearch, SubjectSearch
from security.decisions.entity_decisions import (
    ACTIONS,
    ANY_KIND,
    ENTITY,
    EntityQuestion,
    access_of,
    accounts_for,
    path_of,
    read_question,
    tenant_of,
    text_of,
)
from security.decisions.evaluations import Asker
from security.decisions.search_pages import Found, Window, page, unique
from security.store.candidates import CandidateStore

NOT_LISTED = (
    "grants of the subject also cover entities by type, path or pattern;"
    " the context API lists those, narrowed to what is granted"
)


class EntitySearches:
    """Answers searches about entities; safe for threads."""

    def __init__(self, candidates: CandidateStore, accounts: Accounts, clock: Clock) -> None:
        self._candidates = candidates
        self._accounts = accounts
        self._clock = clock

    def subjects(self, asker: Asker, search: SubjectSearch, window: Window) -> Found:
        """Who may do the action to the entity. Administrators of the tenant only."""
        kind = search.subject.type
        question = read_question(search.action.name, search.resource, asker.tenant)
        asker.access.require_admin(question.tenant)

        def keep(chunk: Sequence[str]) -> list[bool]:
            accounts = accounts_for(chunk, self._accounts)
            return [self._may(question, kind, id, accounts) for id in chunk]

        kept, after = page(self._ids(kind, question.tenant, window), keep, window)
        return Found([{"type": kind, "id": id} for id in kept], after)

    def resources(self, asker: Asker, search: ResourceSearch, window: Window) -> Found:
        """To which entities, of those that its grants name, the subject may do the action."""
        properties = search.resource.properties
        tenant = tenant_of(properties, asker.tenant)
        asker.check_may_ask(search.subject.id, tenant)
        access, action = self._access(search.subject), ACTIONS.get(search.action.name)
        now = self._clock()
        allows = [
            grant
            for grant in access.grants
            if action and grant.applies(action, tenant, now) and not grant.deny
        ]
        places = window.after(place for grant in allows for place in _places(grant, properties))

        def keep(chunk: Sequence[str]) -> list[bool]:
            return [_at(action, tenant, place).decided_by(access).allowed for place in chunk]

        kept, after = page(places, keep, window)
        note = NOT_LISTED if any(grant.ids is None for grant in allows) else ""
        return Found([_entity(_at(action, tenant, place)) for place in kept], after, note)

    def actions(self, asker: Asker, search: ActionSearch, window: Window) -> Found:
        """What the subject may do to the entity."""
        question = read_question("", search.resource, asker.tenant)
        asker.check_may_ask(search.subject.id, question.tenant)
        access = self._access(search.subject)

        def keep(chunk: Sequence[str]) -> list[bool]:
            return [question.about(name).decided_by(access).allowed for name in chunk]

        kept, after = page(window.after(Action), keep, window)
        return Found([{"name": name} for name in kept], after)

    def _ids(self, kind: str, tenant: Tenant, window: Window) -> Iterator[str]:
        """Subjects that may hold grants in the tenant, in order."""
        holders = self._candidates.holders(tenant) | self._candidates.holders(ANY_TENANT)
        registered = self._candidates.registered(kind, window.position)
        return unique(merge(registered, window.after(holders)))

    def _may(
        self, question: EntityQuestion, kind: str, id: str, accounts: Mapping[str, Account]
    ) -> bool:
        account = accounts.get(id)
        if account is None or kind not in (ANY_KIND, account.kind):
            return False
        access = access_of(Party(type=kind, id=id), accounts, self._clock())
        return question.decided_by(access).allowed

    def _access(self, subject: Party) -> Access:
        accounts = accounts_for([subject.id], self._accounts)
        return access_of(subject, accounts, self._clock())


def _places(grant: Grant, properties: dict[str, Json]) -> Iterable[str]:
    """Id, type and path of every entity that a grant names, as far as it or the search says them."""
    given = text_of(properties, "type")
    types: Iterable[str] = grant.types or ()
    if given:
        types = [given] if grant.types is None or given in grant.types else []
    path = path_of(properties) if properties.get("servicePath") else grant.path.path
    return (key(id, type, path) for id in grant.ids or () for type in types)


def _at(action: Action | None, tenant: Tenant, place: str) -> EntityQuestion:
    id, type, path = split(place)
    return EntityQuestion(action, tenant, ServicePath(path), type, id)


def _entity(question: EntityQuestion) -> Json:
    return {
        "type": ENTITY,
        "id": question.id,
        "properties": {
            "tenant": question.tenant,
            "servicePath": shown(question.path),
            "type": question.type,
        },
    }
