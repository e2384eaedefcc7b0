"""The policy: who a request comes from, whether it may pass, and what the caller then holds."""

from collections.abc import Iterable
from typing import Any

import pytest
from starlette.datastructures import Headers

from city.clock import SECOND
from city.errors import Forbidden, Unauthenticated, Unavailable
from city.policy import DIRECT_SIGN_IN, PUBLIC, Caller, MissingScope, Operation, Policy, Subject
from city.policy.accounts import Account, KeyTerms, Plan
from city.policy.credentials import NewKey, new_key
from city.policy.grants import Action, Grant
from city.policy.keys import SigningKeys
from city.policy.quotas import QuotaExceeded
from city.policy.tokens import InvalidToken, TokenVerifier
from city.tenancy import ROOT
from tests.accounts import FULL_GRANTS, grant, headers
from tests.tokens import ISSUER, KEY, NOW, Clock, Issuer, claims, signed

RULES = {
    ("GET", "/open"): Operation("thing:look", None),
    ("GET", "/things"): Operation("thing:read", "context/read", is_public=True),
    ("GET", "/records"): Operation("record:read", "context/read"),
    ("POST", "/things"): Operation("thing:create", "context/subscribe"),
}
PLAN = Plan("free", 10, 60)
MACHINE = Account("machine-1", "application", grants=FULL_GRANTS)
LOGIN = Account("login", "application")
USER = Account("user-7", "user", grants=(grant("read", "update", types=["Room"]),), plan=PLAN)
OPEN_DATA = Account("public", "public", grants=(grant("read", "update", types=["Park"]),))


class Directory:
    """Accounts in memory; `spent` are the subjects whose requests were counted."""

    def __init__(self, *accounts: Account) -> None:
        self.accounts = {account.subject: account for account in accounts}
        self.spent: list[str] = []
        self.reads: list[list[str]] = []

    def find(self, subjects: Iterable[str]) -> dict[str, Account]:
        self.reads.append([*subjects])
        return {id: self.accounts[id] for id in self.reads[-1] if id in self.accounts}

    def spend(self, account: Account) -> None:
        self.spent.append(account.subject)


class City:
    """A policy over accounts in memory."""

    def __init__(self, *accounts: Account, public_access: bool = False) -> None:
        self.directory = Directory(*accounts)
        self.policy = Policy(
            RULES,
            TokenVerifier(ISSUER, SigningKeys(Issuer(KEY)), Clock()).verify,
            self.directory.find,
            self.directory.spend,
            public_access=public_access,
            clock=lambda: NOW * SECOND,
        )

    def ask(
        self, credentials: Headers, method: str = "GET", route: str = "/things", address: str = ""
    ) -> Caller:
        return self.policy.authorise(method, route, credentials, address)


def bearer(**changes: Any) -> Headers:
    return headers(authorization=f"Bearer {signed(claims(**changes))}")


def reads(caller: Caller, type: str, action: Action = Action.READ) -> bool:
    return caller.access.allows(action, "city", ROOT, type, "x")


USERS_TOKEN = {"sub": "user-7", "client_id": "login"}
NOBODY = headers()


# Rules and scopes


@pytest.mark.parametrize("public_access", [False, True])
def test_route_without_a_rule_is_forbidden_to_everybody(*, public_access: bool) -> None:
    city = City(MACHINE, OPEN_DATA, public_access=public_access)
    for credentials in (NOBODY, bearer()):
        with pytest.raises(Forbidden):
            city.ask(credentials, "DELETE")


def test_open_operation_needs_no_token_and_reads_nothing() -> None:
    city = City(OPEN_DATA)
    assert city.ask(NOBODY, route="/open").subject is PUBLIC
    assert city.directory.reads == []


def test_other_operations_need_a_token() -> None:
    with pytest.raises(Unauthenticated):
        City(MACHINE).ask(NOBODY)


def test_token_with_the_scope_is_let_through() -> None:
    caller = City(MACHINE).ask(bearer())
    scopes = frozenset({"context/read", "context/write"})
    assert caller.subject == Subject("machine-1", "machine-1", scopes, "decaf", "c0ffee")
    assert caller.account is MACHINE
    assert reads(caller, "Room")


def test_token_without_the_scope_is_told_which() -> None:
    with pytest.raises(MissingScope, match="context/subscribe"):
        City(MACHINE).ask(bearer(), "POST")


@pytest.mark.parametrize("scope", ["context/readx", "xcontext/read", "context", "CONTEXT/READ", ""])
def test_scope_is_compared_whole(scope: str) -> None:
    with pytest.raises(MissingScope):
        City(MACHINE).ask(bearer(scope=scope))


def test_direct_sign_in_holds_every_scope() -> None:
    token = bearer(**USERS_TOKEN, scope=DIRECT_SIGN_IN)
    assert City(LOGIN, USER).ask(token, "POST").subject.id == "user-7"


# Subjects and accounts


def test_caller_may_what_its_grants_say_and_read_what_the_public_may() -> None:
    caller = City(LOGIN, USER, OPEN_DATA).ask(bearer(**USERS_TOKEN))
    assert reads(caller, "Room")
    assert reads(caller, "Room", Action.UPDATE)
    assert reads(caller, "Park")
    assert not reads(caller, "Park", Action.UPDATE)
    assert not reads(caller, "Lamp")


def test_subject_without_an_account_has_what_the_public_has() -> None:
    caller = City(LOGIN, OPEN_DATA).ask(bearer(**USERS_TOKEN))
    assert caller.account is None
    assert reads(caller, "Park")
    assert not reads(caller, "Room")


def test_grants_of_the_client_are_not_the_users() -> None:
    rich_client = Account("login", "application", grants=FULL_GRANTS)
    assert not reads(City(rich_client, USER).ask(bearer(**USERS_TOKEN)), "Lamp")


def test_everything_is_read_at_once() -> None:
    city = City(LOGIN, USER)
    city.ask(bearer(**USERS_TOKEN))
    assert city.directory.reads == [["user-7", "login", "public"]]


REVOKED = {
    "client unknown": (USER,),
    "client inactive": (USER, Account("login", "application", active=False)),
    "user inactive": (LOGIN, Account("user-7", "user", active=False)),
    "user's tokens revoked": (LOGIN, Account("user-7", "user", revoked_before=NOW * SECOND)),
    "client's tokens revoked": (
        USER,
        Account("login", "application", revoked_before=NOW * SECOND),
    ),
    "token revoked": (LOGIN, Account("user-7", "user", revoked=frozenset({"c0ffee"}))),
    "session revoked": (LOGIN, Account("user-7", "user", revoked=frozenset({"decaf"}))),
    "session revoked at the client": (
        USER,
        Account("login", "application", revoked=frozenset({"decaf"})),
    ),
}


@pytest.mark.parametrize("accounts", REVOKED.values(), ids=REVOKED.keys())
@pytest.mark.parametrize("public_access", [False, True])
@pytest.mark.parametrize("route", ["/open", "/things"])
def test_good_token_of_a_revoked_subject_is_refused_everywhere(
    accounts: tuple[Account, ...], route: str, *, public_access: bool
) -> None:
    city = City(*accounts, OPEN_DATA, public_access=public_access)
    with pytest.raises(InvalidToken):
        city.ask(bearer(**USERS_TOKEN), route=route)


def test_revocation_spares_tokens_issued_later() -> None:
    account = Account("user-7", "user", revoked_before=(NOW - 10) * SECOND)
    assert City(LOGIN, account).ask(bearer(**USERS_TOKEN))
    later = Account("user-7", "user", revoked_before=(NOW - 10) * SECOND + 1)
    with pytest.raises(InvalidToken):
        City(LOGIN, later).ask(bearer(**USERS_TOKEN))


def test_revoking_one_session_spares_the_others() -> None:
    account = Account("user-7", "user", revoked=frozenset({"other"}))
    assert City(LOGIN, account).ask(bearer(**USERS_TOKEN))


def test_unreadable_accounts_let_nobody_pass() -> None:
    def fail(subjects: Iterable[str]) -> dict[str, Account]:
        raise Unavailable("throttled")

    verify = TokenVerifier(ISSUER, SigningKeys(Issuer(KEY)), Clock()).verify
    policy = Policy(RULES, verify, fail, lambda _: None)
    for credentials in (bearer(), NOBODY):
        with pytest.raises(Unavailable):
            policy.authorise("GET", "/things", credentials)


# The public


def test_public_sees_open_data_without_a_token() -> None:
    caller = City(OPEN_DATA).ask(NOBODY)
    assert caller.subject is PUBLIC
    assert reads(caller, "Park")
    assert not reads(caller, "Park", Action.UPDATE)
    assert not reads(caller, "Room")


@pytest.mark.parametrize(
    "public",
    [
        Account("public", "public"),
        Account("public", "public", active=False, grants=OPEN_DATA.grants),
    ],
    ids=["without grants", "inactive"],
)
def test_public_without_grants_needs_a_token(public: Account) -> None:
    with pytest.raises(Unauthenticated):
        City(public).ask(NOBODY)


def test_open_data_opens_only_what_its_rule_opens() -> None:
    for method, route in (("GET", "/records"), ("POST", "/things")):
        with pytest.raises(Unauthenticated):
            City(OPEN_DATA).ask(NOBODY, method, route)


def test_inactive_public_adds_nothing_to_others() -> None:
    public = Account("public", "public", active=False, grants=OPEN_DATA.grants)
    assert not reads(City(LOGIN, USER, public).ask(bearer(**USERS_TOKEN)), "Park")


def test_change_of_the_public_counts_with_the_next_request() -> None:
    city = City(OPEN_DATA)
    assert reads(city.ask(NOBODY), "Park")
    lamps = Account("public", "public", grants=(grant("read", types=["Lamp"]),))
    city.directory.accounts["public"] = lamps
    caller = city.ask(NOBODY)
    assert reads(caller, "Lamp")
    assert not reads(caller, "Park")


@pytest.mark.parametrize("route", ["/open", "/things"])
@pytest.mark.parametrize("public_access", [False, True])
@pytest.mark.parametrize(
    "credential",
    [
        {"authorization": "Bearer forged"},
        {"authorization": "Basic Y2l0eTpjaXR5"},
        {"x_auth_token": ""},
        {"x_api_key": "sk_city_forged"},
        {"x_api_key": new_key().text},
    ],
)
def test_bad_credential_is_never_taken_for_none(
    route: str, credential: dict[str, str], *, public_access: bool
) -> None:
    city = City(OPEN_DATA, public_access=public_access)
    with pytest.raises(InvalidToken):
        city.ask(headers(**credential), route=route)


def test_public_access_grants_everything_without_a_token_and_reads_nothing() -> None:
    city = City(public_access=True)
    caller = city.ask(NOBODY, "POST")
    assert caller.subject is PUBLIC
    assert caller.access.is_unlimited
    assert city.directory.reads == []


# API keys


def keyed(key: NewKey, *grants: Grant, **terms: Any) -> Account:
    return Account(
        f"key:{key.key_id}",
        "key",
        grants=grants,
        key=KeyTerms(key.secret_hash, **terms),
        scopes=frozenset({"context/read"}),
    )


def test_key_has_the_grants_and_scopes_of_its_account() -> None:
    key = new_key()
    city = City(keyed(key, grant("read", types=["Room"])), OPEN_DATA)
    caller = city.ask(headers(x_api_key=key.text))
    assert caller.subject == Subject(f"key:{key.key_id}", scopes=frozenset({"context/read"}))
    assert reads(caller, "Room")
    assert reads(caller, "Park")
    assert not reads(caller, "Lamp")
    with pytest.raises(MissingScope):
        city.ask(headers(x_api_key=key.text), "POST")


def test_key_from_elsewhere_is_refused() -> None:
    key = new_key()
    city = City(keyed(key, networks=("192.0.2.0/24",), origins=frozenset({"https://map.example"})))
    good = headers(x_api_key=key.text, origin="https://map.example")
    assert city.ask(good, address="192.0.2.7")
    for refused, address in (
        (good, "198.51.100.1"),
        (headers(x_api_key=key.text), "192.0.2.7"),
        (headers(x_api_key=key.text, origin="https://evil.example"), "192.0.2.7"),
    ):
        with pytest.raises(InvalidToken):
            city.ask(refused, address=address)


def test_key_is_refused_with_the_secret_of_another_or_without_terms_or_inactive() -> None:
    key, other = new_key(), new_key()
    account = keyed(key)
    for wrong in (
        Account(account.subject, "key", key=KeyTerms(other.secret_hash)),
        Account(account.subject, "user"),
        Account(account.subject, "key", key=account.key, active=False),
        Account(account.subject, "key", key=KeyTerms(key.secret_hash, ends=NOW * SECOND)),
    ):
        with pytest.raises(InvalidToken):
            City(wrong).ask(headers(x_api_key=key.text))


# Quotas


def test_request_is_counted_for_the_caller_not_for_the_client_or_the_public() -> None:
    city = City(LOGIN, USER, OPEN_DATA)
    city.ask(bearer(**USERS_TOKEN))
    city.ask(NOBODY)
    assert city.directory.spent == ["user-7", "public"]


def test_refused_request_is_not_counted() -> None:
    city = City(LOGIN, USER)
    for credentials, method in (
        (bearer(**USERS_TOKEN), "POST"),
        (bearer(**USERS_TOKEN, exp=NOW), "GET"),
        (bearer(**USERS_TOKEN), "PATCH"),
    ):
        with pytest.raises((Forbidden, Unauthenticated)):
            city.ask(credentials, method)
    assert city.directory.spent == []


def test_exhausted_plan_is_refused_after_authorisation() -> None:
    city = City(LOGIN, USER)

    def refuse(account: Account) -> None:
        raise QuotaExceeded(PLAN, 30)

    city.policy = Policy(
        RULES,
        TokenVerifier(ISSUER, SigningKeys(Issuer(KEY)), Clock()).verify,
        city.directory.find,
        refuse,
    )
    with pytest.raises(QuotaExceeded):
        city.ask(bearer(**USERS_TOKEN))
    with pytest.raises(MissingScope):
        city.ask(bearer(**USERS_TOKEN), "POST")
