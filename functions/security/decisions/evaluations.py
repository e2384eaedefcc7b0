"""Access decisions (AuthZEN Authorization API 1.0, "Access Evaluation" and "Access Evaluations").

Entities are decided by grants, everything else by the stored policies of the tenant, which see the
properties that the request gives and, before those, what the tenant's directory knows. What any
number of questions need is read with at most two requests to the table, and the policies themselves
only after they have changed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from city.clock import Clock
from city.errors import CityError
from city.json import Json
from city.policy.accounts import Account, Accounts
from city.policy.grants import Access
from city.tenancy import Tenant
from models.authzen.requests import AccessRequest, Party, Semantic
from security.decisions.entity_decisions import (
    ENTITY,
    EntityQuestion,
    access_of,
    accounts_for,
    read_question,
)
from security.decisions.policies import Policies
from security.decisions.policy_language import Attributes, Policy, decide
from security.store.directory import DirectoryStore, Kind, Place


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and the tenant that the question is about unless an entity names another."""

    id: str
    access: Access
    tenant: Tenant

    def check_may_ask(self, subject: str, tenant: Tenant) -> None:
        """Everybody may ask about himself, administrators of the tenant about everybody."""
        if subject != self.id:
            self.access.require_admin(tenant)


class Answer(NamedTuple):
    """The decision on one of several questions; `error` says why a question has none."""

    allowed: bool
    error: CityError | None = None


class Known(NamedTuple):
    """All that decisions on some questions need."""

    now: int
    policies: tuple[Policy, ...]
    properties: Mapping[Place, Mapping[str, Json]]
    accounts: Mapping[str, Account]

    def attributes(self, request: AccessRequest) -> Attributes:
        """The attributes of a request as policies see them; what the directory knows counts."""
        return {
            "subject": self._party(Kind.SUBJECT, request.subject),
            "action": {"name": request.action.name, "properties": request.action.properties},
            "resource": self._party(Kind.RESOURCE, request.resource),
            "context": request.context,
        }

    def access(self, subject: Party) -> Access:
        """What the grants of a subject let it do."""
        return access_of(subject, self.accounts, self.now)

    def _party(self, kind: Kind, party: Party) -> dict[str, Json]:
        known = self.properties.get(Place(kind, party.type, party.id), {})
        return {
            "type": party.type,
            "id": party.id,
            "properties": {**party.properties, **known},
        }


class Evaluations:
    """Answers questions of access; safe for threads."""

    def __init__(
        self, policies: Policies, directory: DirectoryStore, accounts: Accounts, clock: Clock
    ) -> None:
        self._policies = policies
        self._directory = directory
        self._accounts = accounts
        self._clock = clock

    def evaluate(self, asker: Asker, request: AccessRequest) -> bool:
        """Whether the access is allowed. Raises Forbidden for who may not ask, InvalidRequest."""
        question = self.question(asker, request)
        return answer(request, question, self.known(asker.tenant, [request]))

    def evaluate_all(
        self, asker: Asker, requests: Sequence[AccessRequest | CityError], semantic: Semantic
    ) -> list[Answer]:
        """The answers in order, up to the first that ends it where `semantic` says so.

        A question that is wrong, or that the asker may not ask, is answered with deny and the
        error; so is one that could not even be read and comes as the error that it was.
        """
        ends = _ENDS[semantic]
        known = self.known(asker.tenant, [r for r in requests if isinstance(r, AccessRequest)])
        answers: list[Answer] = []
        for request in requests:
            answers.append(self._answer(asker, request, known))
            if ends(answers[-1].allowed):
                break
        return answers

    def question(self, asker: Asker, request: AccessRequest) -> EntityQuestion | None:
        """The question about an entity that a request is, if it is, after checking who asks."""
        if request.resource.type != ENTITY:
            asker.check_may_ask(request.subject.id, asker.tenant)
            return None
        question = read_question(request.action.name, request.resource, asker.tenant)
        asker.check_may_ask(request.subject.id, question.tenant)
        return question

    def policies(self, tenant: Tenant) -> tuple[Policy, ...]:
        """The policies of a tenant as they are now."""
        return self._policies.compiled(tenant, self._directory.inputs(tenant, ()).revision)

    def known(self, tenant: Tenant, requests: Iterable[AccessRequest]) -> Known:
        """Read what decisions on the requests need. Raises Unavailable."""
        about_entities: set[str] = set()
        places: set[Place] = set()
        for request in requests:
            if request.resource.type == ENTITY:
                about_entities.add(request.subject.id)
            else:
                places.add(Place(Kind.SUBJECT, request.subject.type, request.subject.id))
                places.add(Place(Kind.RESOURCE, request.resource.type, request.resource.id))
        policies, properties = self._about(tenant, places)
        accounts = accounts_for(about_entities, self._accounts) if about_entities else {}
        return Known(self._clock(), policies, properties, accounts)

    def _about(
        self, tenant: Tenant, places: set[Place]
    ) -> tuple[tuple[Policy, ...], Mapping[Place, Mapping[str, Json]]]:
        if not places:
            return (), {}
        inputs = self._directory.inputs(tenant, places)
        return self._policies.compiled(tenant, inputs.revision), inputs.properties

    def _answer(self, asker: Asker, request: AccessRequest | CityError, known: Known) -> Answer:
        if not isinstance(request, AccessRequest):
            return Answer(allowed=False, error=request)
        try:
            question = self.question(asker, request)
        except CityError as error:
            return Answer(allowed=False, error=error)
        return Answer(answer(request, question, known))


def answer(request: AccessRequest, question: EntityQuestion | None, known: Known) -> bool:
    """The decision on one request; `question` is what it asks about an entity, if it does."""
    if question is not None:
        return question.decided_by(known.access(request.subject)).allowed
    return decide(known.policies, known.attributes(request), known.now).allowed


_ENDS: dict[Semantic, Callable[[bool], bool]] = {
    "execute_all": lambda _: False,
    "deny_on_first_deny": lambda allowed: not allowed,
    "permit_on_first_permit": lambda allowed: allowed,
}
