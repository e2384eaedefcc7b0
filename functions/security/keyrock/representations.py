"""Users, organisations and memberships as Keyrock's interface shows them.

Names of members are Keyrock's. What it should not show (the salt of a password) is not there.
"""

from city.clock import iso
from city.json import Json
from security.people.users import User
from security.store.organisations import Member, Membership, Organisation

IMAGE = "default"


def shown_user(user: User) -> dict[str, Json]:
    """A user with all it has."""
    return {
        **listed_user(user),
        "image": IMAGE,
        "admin": user.admin,
        "extra": user.profile.extra or None,
    }


def listed_user(user: User) -> dict[str, Json]:
    """A user as lists show it."""
    profile = user.profile
    return {
        "id": user.id,
        "username": profile.username,
        "email": user.email,
        "enabled": user.enabled,
        "gravatar": profile.gravatar,
        "date_password": iso(profile.password_set),
        "description": profile.description or None,
        "website": profile.website or None,
    }


def token_owner(user: User) -> dict[str, Json]:
    """The user that a token belongs to."""
    shown = shown_user(user)
    names = ("id", "username", "email", "date_password", "enabled", "admin")
    return {name: shown[name] for name in names}


def shown_organisation(organisation: Organisation) -> dict[str, Json]:
    """An organisation."""
    return {
        "id": organisation.id,
        "name": organisation.name,
        "description": organisation.description or None,
        "image": IMAGE,
        "website": organisation.website or None,
    }


def listed_organisation(organisation: Organisation, role: Membership) -> dict[str, Json]:
    """An organisation in the list of one who belongs to it."""
    return {"role": role.value, "Organization": shown_organisation(organisation)}


def shown_member(member: Member) -> dict[str, Json]:
    """That a user belongs to an organisation."""
    return {
        "user_id": member.user,
        "organization_id": member.organisation,
        "role": member.role.value,
    }
