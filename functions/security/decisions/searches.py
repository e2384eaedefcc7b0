"""Who may, on what, and which actions (AuthZEN Authorization API 1.0, "Search APIs").

A search goes through candidates in the order of their ids and keeps those that an evaluation
allows, so that results and evaluations never disagree. Candidates are what the tenant's directory
has of the type, and the ids and actions that policies name; never a scan.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge

from city.tenancy import Tenant
from models.authzen.requests import (
    AccessRequest,
    Action,
    ActionSearch,
    Party,
    ResourceSearch,
    Sought,
    SubjectSearch,
)
from security.decisions.entity_decisions import ENTITY
from security.decisions.entity_searches import EntitySearches
from security.decisions.evaluations import Asker, Evaluations, answer
from security.decisions.policy_language import Policy
from security.decisions.search_pages import Found, Keep, Window, page, unique
from security.store.directory import DirectoryStore, Kind


class Searches:
    """Answers searches; safe for threads."""

    def __init__(
        self, evaluations: Evaluations, directory: DirectoryStore, entities: EntitySearches
    ) -> None:
        self._evaluations = evaluations
        self._directory = directory
        self._entities = entities

    def subjects(self, asker: Asker, search: SubjectSearch, window: Window) -> Found:
        """Who may do the action to the resource. Administrators of the tenant only."""
        if search.resource.type == ENTITY:
            return self._entities.subjects(asker, search, window)
        asker.access.require_admin(asker.tenant)

        def ask(id: str) -> AccessRequest:
            party = _party(search.subject, id)
            return _request(party, search.action, search.resource, search)

        kept, after = page(
            self._ids(asker.tenant, Kind.SUBJECT, search.subject.type, window),
            self._keeping(asker, ask),
            window,
        )
        return Found([{"type": search.subject.type, "id": id} for id in kept], after)

    def resources(self, asker: Asker, search: ResourceSearch, window: Window) -> Found:
        """To which resources the subject may do the action."""
        if search.resource.type == ENTITY:
            return self._entities.resources(asker, search, window)
        asker.check_may_ask(search.subject.id, asker.tenant)

        def ask(id: str) -> AccessRequest:
            party = _party(search.resource, id)
            return _request(search.subject, search.action, party, search)

        kept, after = page(
            self._ids(asker.tenant, Kind.RESOURCE, search.resource.type, window),
            self._keeping(asker, ask),
            window,
        )
        return Found([{"type": search.resource.type, "id": id} for id in kept], after)

    def actions(self, asker: Asker, search: ActionSearch, window: Window) -> Found:
        """What the subject may do to the resource."""
        if search.resource.type == ENTITY:
            return self._entities.actions(asker, search, window)
        asker.check_may_ask(search.subject.id, asker.tenant)

        def ask(name: str) -> AccessRequest:
            return _request(search.subject, Action(name=name), search.resource, search)

        policies = self._evaluations.policies(asker.tenant)
        names = (name for policy in _allowing(policies) for name in policy.document.actions or ())
        kept, after = page(window.after(names), self._keeping(asker, ask), window)
        return Found([{"name": name} for name in kept], after)

    def _ids(self, tenant: Tenant, kind: Kind, type: str, window: Window) -> Iterator[str]:
        """Ids of a type that the directory has or policies name, in order."""
        entries = self._directory.after(tenant, kind, type, window.position)
        named = _named(_allowing(self._evaluations.policies(tenant)), kind, type)
        return unique(merge((entry.place.id for entry in entries), window.after(named)))

    def _keeping(self, asker: Asker, ask: Callable[[str], AccessRequest]) -> Keep:
        """Keeps the candidates whose evaluation allows."""

        def keep(chunk: Sequence[str]) -> list[bool]:
            requests = list(map(ask, chunk))
            known = self._evaluations.known(asker.tenant, requests)
            return [answer(request, None, known) for request in requests]

        return keep


def _request(
    subject: Party,
    action: Action,
    resource: Party,
    search: SubjectSearch | ResourceSearch | ActionSearch,
) -> AccessRequest:
    return AccessRequest(subject=subject, action=action, resource=resource, context=search.context)


def _party(sought: Sought, id: str) -> Party:
    return Party(type=sought.type, id=id, properties=sought.properties)


def _allowing(policies: Iterable[Policy]) -> list[Policy]:
    return [policy for policy in policies if not policy.denies]


def _named(policies: Iterable[Policy], kind: Kind, type: str) -> Iterator[str]:
    """The ids that policies name of subjects or resources that can be of the type."""
    for policy in policies:
        document = policy.document
        clause = document.subjects if kind is Kind.SUBJECT else document.resources
        if clause.types is None or type in clause.types:
            yield from clause.ids or ()
