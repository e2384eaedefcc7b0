"""Taking users, organisations and applications over from a Keyrock.

The export is one JSON object, put together from the answers of Keyrock's own interface; every member
may be missing:

    {
      "users":         [what GET /v1/users/{id} has in `user`, …],
      "organizations": [what GET /v1/organizations/{id} has in `organization`,
                        with "users": GET …/users `organization_users`, …],
      "applications":  [what GET /v1/applications/{id} has in `application`, with
                        "roles": GET …/roles `roles`, each with
                            "permissions": GET …/roles/{r}/permissions
                                           `role_permission_assignments` (or just ids),
                        "permissions": GET …/permissions `permissions`,
                        "users": GET …/users `role_user_assignments`,
                        "organizations": GET …/organizations `role_organization_assignments`,
                        "trusted_applications": GET …/trusted_applications,
                        "pep_proxy": {"id"}, "iot_agents": [{"id"}, …], …]
    }

Organisations, roles and permissions keep their ids. Users and applications get those of the user
pool; the old one stays with them (`keyrock_id` in a user's `extra`, `alias` of an application), and
it is how a second run finds what the first has made, so a run that was interrupted can be repeated.

Secrets and password hashes are not taken over, even if an export has them: users get an invitation,
applications new secrets (in the report, once), agents have to be made anew. Everything else that
cannot be taken over, or means something else here, is in the report.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from city.dynamodb import ConditionFailed
from city.errors import AlreadyExists, CityError, InvalidRequest, NotFound
from city.json import Json
from city.policy import Caller
from security.applications.permissions import BUILT_IN_PERMISSIONS, BUILT_IN_ROLES
from security.applications.terms import Terms
from security.keyrock.application_form import new_terms
from security.keyrock.permission_form import new_permission
from security.people.users import Details
from security.store.assignments import Assignment, OrganisationRole, UserRole
from security.store.organisations import Membership, Organisation

if TYPE_CHECKING:
    from security.applications.services import ApplicationServices
    from security.audit import Audit
    from security.people.organisations import Organisations
    from security.people.users import Users
    from security.store.organisations import OrganisationStore

Members = Mapping[str, Json]


@dataclass(slots=True)
class Report:
    """What an import has done.

    `made` and `found` count things by kind; `users` and `applications` have the new ids by the old
    ones; `secrets` those of new applications, by new id. `problems` says in one line each what was
    not taken over or means something else here.
    """

    made: dict[str, int] = field(default_factory=dict)
    found: dict[str, int] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)
    applications: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    problems: list[str] = field(default_factory=list)

    def count(self, kind: str, *, new: bool) -> None:
        """Note that a thing was made, or was there."""
        counts = self.made if new else self.found
        counts[kind] = counts.get(kind, 0) + 1


class KeyrockImport:
    """Takes an export over, on behalf of a caller who administers the city."""

    def __init__(
        self,
        users: "Users",
        organisations: "Organisations",
        organisation_store: "OrganisationStore",
        registry: "ApplicationServices",
        audit: "Audit",
    ) -> None:
        self._users = users
        self._organisations = organisations
        self._organisation_store = organisation_store
        self._registry = registry
        self._audit = audit

    def run(self, caller: Caller, export: Json) -> Report:
        """Take everything over that can be. Raises Forbidden, or InvalidRequest for no export."""
        caller.access.require_admin(None)
        if not isinstance(export, dict):
            raise InvalidRequest("the export must be a JSON object")
        report = Report()
        users, organisations, applications = (
            list(_objects(export, kind)) for kind in ("users", "organizations", "applications")
        )
        for user in users:
            with _reporting(report, "user", user):
                self._user(user, report)
        for organisation in organisations:
            with _reporting(report, "organization", organisation):
                self._organisation(organisation, report)
        known: dict[str | None, str] = {
            one.alias: one.id for one in self._registry.applications.list(caller)
        }
        for application in applications:
            with _reporting(report, "application", application):
                self._application(caller, application, known, report)
        for application in applications:
            with _reporting(report, "trusted applications of", application):
                self._trust(caller, application, report)
        self._audit.record(
            actor=caller.subject.id, action="keyrock:import", tenant="*", target="city"
        )
        return report

    def _user(self, user: Members, report: Report) -> None:
        old, email = _text(user, "id"), _text(user, "email")
        if user.get("enabled") is False:
            report.problems.append(f"user {old}: is disabled and was not invited")
            return
        present = self._users.find(email)
        report.count("user", new=present is None)
        if present is None:
            details = Details(
                username=_text(user, "username"),
                email=email,
                description=_optional(user, "description"),
                website=_optional(user, "website"),
                extra={"keyrock_id": old},
            )
            present = self._users.create(details)
            report.problems.append(f"user {old}: the password was not taken over; invited by mail")
        report.users[old] = present.id
        if user.get("admin") in (True, 1) and not present.admin:
            report.problems.append(
                f"user {old}: was an administrator; grant it that if it still is"
            )

    def _organisation(self, organisation: Members, report: Report) -> None:
        id, members = _text(organisation, "id"), list(_objects(organisation, "users"))
        owners = [
            user
            for member in members
            if member.get("role") == Membership.OWNER and (user := self._known(member, report))
        ]
        if not owners:
            raise NotFound("none of its owners was taken over")
        new = Organisation(
            id,
            _text(organisation, "name"),
            _optional(organisation, "description") or "",
            _optional(organisation, "website") or "",
        )
        is_new = True
        try:
            self._organisation_store.create(new, owners[0])
        except ConditionFailed:
            is_new = False
        report.count("organization", new=is_new)
        for member in members:
            user = self._known(member, report)
            if user is None:
                old = member.get("user_id")
                report.problems.append(f"organization {id}: member {old} was not taken over")
            elif user != owners[0]:
                role = Membership(_text(member, "role"))
                self._organisations.set_member(id, user, role)

    def _application(
        self, caller: Caller, application: Members, known: dict[str | None, str], report: Report
    ) -> None:
        old = _text(application, "id")
        id = known.get(old)
        report.count("application", new=id is None)
        if id is None:
            made = self._registry.applications.create(caller, _terms(application, old))
            id = known[old] = made.application.id
            report.secrets[id] = made.secret
            self._compare(application, made.application.grants, report)
        report.applications[old] = id
        for permission in _objects(application, "permissions"):
            with _reporting(report, f"application {old}: permission", permission):
                self._permission(caller, id, permission, report)
        for role in _objects(application, "roles"):
            with _reporting(report, f"application {old}: role", role):
                self._role(caller, id, role, report)
        for assignment in _objects(application, "users"):
            with _reporting(report, f"application {old}: role of user", assignment, "user_id"):
                user = report.users[_text(assignment, "user_id")]
                self._assign(caller, id, UserRole(user, _text(assignment, "role_id")), report)
        for assignment in _objects(application, "organizations"):
            named = "organization_id"
            with _reporting(report, f"application {old}: role of organization", assignment, named):
                self._assign(caller, id, _organisation_role(assignment), report)
        for agent in ("pep_proxy", "iot_agents"):
            if application.get(agent):
                report.problems.append(f"application {old}: make its {agent} anew, with passwords")

    def _permission(
        self, caller: Caller, application: str, members: Members, report: Report
    ) -> None:
        id = _text(members, "id")
        if id in BUILT_IN_PERMISSIONS:
            return
        if members.get("xml"):
            raise InvalidRequest("its XACML rule cannot be taken over")
        permission = replace(new_permission(members), id=id)
        with _unless_there(report, "permission"):
            made = self._registry.roles.create_permission(caller, application, permission)
            if made.header is None:
                report.problems.append(
                    f"permission {id}: names no tenant and permits the default tenant only"
                )
            if made.is_regex:
                report.problems.append(
                    f"permission {id}: its expression must match the whole path, in its case"
                )

    def _role(self, caller: Caller, application: str, role: Members, report: Report) -> None:
        id = _text(role, "id")
        if id in BUILT_IN_ROLES:
            return
        with _unless_there(report, "role"):
            self._registry.roles.create(caller, application, _text(role, "name"), id)
        permissions = role.get("permissions")
        for permission in permissions if isinstance(permissions, list) else ():
            name = permission if isinstance(permission, str) else _text(_object(permission), "id")
            self._registry.roles.add_permission(caller, application, id, name)

    def _assign(
        self, caller: Caller, application: str, assignment: Assignment, report: Report
    ) -> None:
        self._registry.assignments.assign(caller, application, assignment)
        report.count("assignment", new=True)

    def _trust(self, caller: Caller, application: Members, report: Report) -> None:
        trusted = application.get("trusted_applications")
        id = report.applications.get(_text(application, "id"))
        if id is None or not isinstance(trusted, list):
            return
        for other in map(str, trusted):
            if other not in report.applications:
                raise NotFound(f"{other} was not taken over")
            self._registry.applications.trust(caller, id, report.applications[other])

    def _compare(self, application: Members, grants: tuple[str, ...], report: Report) -> None:
        """Report what an application could do there and cannot here."""
        had = {name for name in str(application.get("grant_type") or "").split(",") if name}
        if lost := had - set(grants):
            old, names = application["id"], ", ".join(sorted(lost))
            report.problems.append(f"application {old}: {names} is not offered here")

    def _known(self, member: Members, report: Report) -> str | None:
        return report.users.get(str(member.get("user_id")))


def _terms(application: Members, old: str) -> Terms:
    """The application's terms; its scope is Keyrock's and means nothing here."""
    named = ("name", "description", "url", "redirect_uri", "redirect_sign_out_uri", "image")
    kept = {
        name: application[name]
        for name in (*named, "grant_type", "token_types")
        if application.get(name)
    }
    return replace(new_terms(kept), alias=old)


def _organisation_role(assignment: Members) -> OrganisationRole:
    return OrganisationRole(
        _text(assignment, "organization_id"),
        _text(assignment, "role_id"),
        Membership(_text(assignment, "role_organization")),
    )


@contextmanager
def _reporting(report: Report, what: str, members: Members, named: str = "id") -> Iterator[None]:
    """Go on after what cannot be taken over, and report it."""
    try:
        yield
    except (CityError, KeyError, ValueError) as error:
        reason = str(error) if isinstance(error, CityError) else "names what was not taken over"
        report.problems.append(f"{what} {members.get(named)}: {reason}")


@contextmanager
def _unless_there(report: Report, kind: str) -> Iterator[None]:
    """Make a thing, or note that an earlier run has made it."""
    try:
        yield
    except AlreadyExists:
        report.count(kind, new=False)
    else:
        report.count(kind, new=True)


def _objects(members: Members, name: str) -> Iterator[Members]:
    value = members.get(name, [])
    if not isinstance(value, list):
        raise InvalidRequest(f"{name} must be a list")
    return map(_object, value)


def _object(value: Json) -> Members:
    if not isinstance(value, dict):
        raise InvalidRequest("the export has something else where an object belongs")
    return value


def _text(members: Members, name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidRequest(f"{name} is missing")
    return value


def _optional(members: Members, name: str) -> str | None:
    value = members.get(name)
    return value if isinstance(value, str) else None
