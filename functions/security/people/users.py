"""The users of the city: who they are, what they may change.

A user is three things with one id (the pool's `sub`): an entry of the user pool with address and
password, an account with its rights, and a profile. The pool decides whether an address is free,
so two who take it at once cannot both get it. A user whom the pool has but we do not know (made by
hand, or left by a failure) gets account and profile when it is first asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from city.clock import Clock
from city.dynamodb import ConditionFailed
from city.errors import AlreadyExists, CityError, Contended, InvalidRequest, NotFound, TooComplex
from city.json import Json, dump
from city.policy.accounts import Account
from city.policy.grants import Access
from security.cognito.users import PoolUser, UserDirectory
from security.people.mail_addresses import parse_address
from security.store.accounts import AccountStore
from security.store.users import Profile, UserStore

KIND = "user"
MAX_TRIES = 8
"""How often a change starts again because another was faster."""
MAX_LISTED = 10_000
"""Users that a list may have: it must fit an answer and the pool's rate of calls."""
MAX_EXTRA = 4096
"""Bytes of what applications keep with a user."""


@dataclass(frozen=True, slots=True)
class User:
    """A user as it is now. `admin`: it may administer the whole city."""

    profile: Profile
    email: str
    enabled: bool
    admin: bool = False

    @property
    def id(self) -> str:
        """The `sub` of the user's tokens."""
        return self.profile.id


@dataclass(frozen=True, slots=True)
class Details:
    """What is said of a user; None leaves it as it is. The password is never kept or shown."""

    username: str | None = None
    email: str | None = None
    password: str | None = field(default=None, repr=False)
    description: str | None = None
    website: str | None = None
    gravatar: bool | None = None
    extra: dict[str, Json] | None = None


class Users:
    """The users of one city, over the pool, the accounts and the profiles; safe for threads."""

    def __init__(
        self, directory: UserDirectory, store: UserStore, accounts: AccountStore, clock: Clock
    ) -> None:
        self._directory = directory
        self._store = store
        self._accounts = accounts
        self._clock = clock

    def create(self, details: Details) -> User:
        """Make a user, with a password or (without one) by invitation mail.

        Raises InvalidRequest, and AlreadyExists for an address that is taken. Nothing is left of a
        user who could not be made whole.
        """
        email = parse_address(details.email)
        _check_extra(details.extra)
        invite = details.password is None
        id = self._directory.invite(email) if invite else self._directory.create(email)
        try:
            if details.password is not None:
                self._directory.set_password(id, details.password)
            profile = self._equip(id, _changed(self._new_profile(id, email), details))
        except Exception:
            self._directory.delete(id)
            self._accounts.delete(id)
            raise
        return User(profile, email, enabled=True)

    def get(self, id: str) -> User:
        """The user. Raises NotFound."""
        found = self._directory.get(id)
        if found is None:
            raise _not_found()
        profile = self._profile(found)
        stored = self._accounts.find(id)
        active = stored is not None and stored.account.active
        admin = stored is not None and active and self._administers(stored.account)
        return User(profile, found.email, found.enabled and active, admin)

    def find(self, email: str) -> User | None:
        """The user who signs in with this address."""
        found = self._directory.find(parse_address(email))
        return self.get(found.id) if found else None

    def list(self) -> list[User]:
        """All users in order of creation, without `admin`. Raises TooComplex for too many.

        The pool's directory lags behind, the profiles do not: users it does not show yet are read
        one by one, and those it shows still are not believed without looking.
        """
        profiles = {profile.id: profile for profile in self._store.every()}
        listed = {user.id: user for user in self._directory_users()}
        for id in listed.keys() ^ profiles.keys():
            user = self._directory.get(id)
            if user is None:
                listed.pop(id, None)
                continue
            listed[id] = user
            profiles[id] = self._profile(user)
        users = [User(profiles[id], user.email, user.enabled) for id, user in listed.items()]
        return sorted(users, key=lambda user: (user.profile.created, user.id))

    def update(self, id: str, details: Details, *, vouched: bool) -> tuple[User, User]:
        """Change a user: how it was and how it is. Raises InvalidRequest, NotFound, AlreadyExists.

        `vouched`: an administrator does it, so a new address needs no proof; another is the user's
        once the user has proved it, and until then the old one is shown. A new password ends
        every session, also the one in which it was set: whoever knew the old one is out.
        """
        _check_extra(details.extra)
        before = self.get(id)
        email = before.email
        if details.email is not None and (wanted := parse_address(details.email)) != email:
            if self._directory.find(wanted):
                raise AlreadyExists("Email already used")
            self._directory.set_email(id, wanted, verified=vouched)
            present = self._directory.get(id)
            email = present.email if present else email
        if details.password is not None:
            self._directory.set_password(id, details.password)
            self._accounts.revoke_tokens(id)
            self._directory.sign_out(id)
        profile = self._update_profile(before.profile, details)
        return before, replace(before, profile=profile, email=email)

    def set_sign_in(self, id: str, allowed: bool) -> None:
        """Whether a user may sign in; if not, its sessions end for good. Others are left alone."""
        if self._directory.get(id) is None:
            return
        if allowed:
            self._directory.enable(id)
        else:
            self._accounts.revoke_tokens(id)
            self._directory.disable(id)

    def sign_out(self, id: str) -> None:
        """End a user's sessions: their refresh tokens die. Others are left alone."""
        if self._directory.get(id) is not None:
            self._directory.sign_out(id)

    def _directory_users(self) -> Iterator[PoolUser]:
        after: str | None = None
        count = 0
        while True:
            page = self._directory.page(after)
            yield from page.users
            count += len(page.users)
            after = page.after
            if after is None:
                return
            if count >= MAX_LISTED:
                raise TooComplex(f"there are more than {MAX_LISTED} users; read them one by one")

    def _profile(self, user: PoolUser) -> Profile:
        """The profile of a user of the pool; one that we did not know is taken in."""
        profile = self._store.get(user.id)
        return profile or self._equip(user.id, self._new_profile(user.id, user.email))

    def _new_profile(self, id: str, email: str) -> Profile:
        now = self._clock()
        return Profile(id, email.partition("@")[0], created=now, password_set=now)

    def _equip(self, id: str, profile: Profile) -> Profile:
        """Give a user account and profile, unless another request has done so just now.

        Raises NotFound for a user that is being erased: its account remembers.
        """
        if not self._accounts.create(Account(id, KIND)) and self._accounts.find(id) is None:
            raise _not_found()
        try:
            self._store.create(profile)
        except ConditionFailed:
            return self._store.get(id) or profile
        return profile

    def _update_profile(self, profile: Profile, details: Details) -> Profile:
        for _ in range(MAX_TRIES):
            changed = _changed(profile, details)
            if details.password is not None:
                changed = replace(changed, password_set=self._clock())
            if changed == profile:
                return profile
            try:
                return self._store.replace(changed)
            except ConditionFailed:
                present = self._store.get(profile.id)
                if present is None:
                    raise _not_found() from None
                profile = present
        raise Contended("the user is being changed by others; try again")

    def _administers(self, account: Account) -> bool:
        try:
            Access(account.subject, account.grants, self._clock()).require_admin(None)
        except CityError:
            return False
        return True


def _changed(profile: Profile, details: Details) -> Profile:
    wanted = {
        "username": details.username,
        "description": details.description,
        "website": details.website,
        "gravatar": details.gravatar,
        "extra": details.extra,
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    return replace(profile, **given)  # type: ignore[arg-type]  # the names are those of the fields


def _check_extra(extra: dict[str, Json] | None) -> None:
    if extra is not None and len(dump(extra).encode()) > MAX_EXTRA:
        raise InvalidRequest(f"extra may have at most {MAX_EXTRA} bytes")


def _not_found() -> NotFound:
    return NotFound("User not found")
