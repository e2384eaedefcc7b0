"""Applications as Keyrock's interface takes and shows them. No secret is shown but once."""

from collections.abc import Mapping

from city.errors import InvalidRequest
from city.json import Json
from security.applications.terms import CODE, Terms
from security.keyrock.body import changed_text, optional_text, required_text
from security.store.applications import Application

_SUB_COLLECTIONS = (
    *("permissions", "roles", "users", "pep_proxies", "iot_agents"),
    "trusted_applications",
)


def new_terms(members: Mapping[str, Json]) -> Terms:
    """What a request to register an application says. Raises InvalidRequest."""
    return _terms(members, required_text(members, "name"))


def changed_terms(members: Mapping[str, Json]) -> Terms:
    """What a request to change one says; what it does not name stays."""
    return _terms(members, changed_text(members, "name"))


def _terms(members: Mapping[str, Json], name: str | None) -> Terms:
    return Terms(
        name=name,
        description=optional_text(members, "description"),
        url=changed_text(members, "url"),
        redirect_uri=changed_text(members, "redirect_uri"),
        sign_out_uri=optional_text(members, "redirect_sign_out_uri"),
        image=optional_text(members, "image"),
        grants=_names(members, "grant_type"),
        token_types=_names(members, "token_types"),
        scopes=_names(members, "scope"),
    )


def shown_application(application: Application) -> dict[str, Json]:
    """An application."""
    return {
        "id": application.id,
        "name": application.name,
        "description": application.description,
        "image": application.image,
        "url": application.url,
        "redirect_uri": application.redirect_uri,
        "redirect_sign_out_uri": application.sign_out_uri,
        "grant_type": ",".join(application.grants),
        "response_type": "code" if CODE in application.grants else "",
        "token_types": ",".join(application.token_types),
        "jwt_secret": None,
        "client_type": None,
        "scope": " ".join(application.scopes),
        "extra": None,
    }


def linked_application(application: Application) -> dict[str, Json]:
    """An application, and where what belongs to it is."""
    place = f"/v1/applications/{application.id}"
    urls: dict[str, Json] = {f"{name}_url": f"{place}/{name}" for name in _SUB_COLLECTIONS}
    return {**shown_application(application), "urls": urls}


def _names(members: Mapping[str, Json], name: str) -> tuple[str, ...] | None:
    """A list of names, also as one text with commas or blanks between them."""
    value = members.get(name)
    if value is None:
        return None
    names = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(one, str) and one for one in names):
        raise InvalidRequest(f"{name} must be a list of names")
    return tuple(str(one) for one in names)
