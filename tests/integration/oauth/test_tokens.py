"""The token endpoint (RFC 6749, RFC 7636, RFC 9700), and what Keyrock's clients expect of it."""

import httpx
import pytest
from botocore.exceptions import ClientError
from pydantic import ValidationError

from city.policy.accounts import Account
from city.policy.credentials import hash_of
from city.table import Table
from security.applications.agents import hash_password
from security.settings import ApiSettings
from security.store.agents import Agent, AgentKind, AgentStore
from security.store.applications import application_key
from tests.integration.oauth.conftest import CALLBACK, SECRET, VERIFIER, City, basic, redemption

DIRECT = "aws.cognito.signin.user.admin"


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal in the form of RFC 6749 §5.2, which nobody may keep."""
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body.keys() == {"error", "error_description"}
    return answer.status_code, body["error"]


def test_code_with_its_verifier_gives_tokens_with_their_scopes(city: City) -> None:
    code = city.pool.code("web", VERIFIER, CALLBACK, "openid context/read")
    answer = city.token("authorization_code", **redemption(code))
    assert answer.headers["cache-control"] == "no-store"
    tokens = answer.json()
    assert tokens.keys() == {
        *("access_token", "id_token", "refresh_token", "expires_in", "token_type", "scope")
    }
    assert (tokens["token_type"], tokens["scope"]) == ("Bearer", "context/read openid")


def test_public_client_redeems_a_code_without_a_secret(city: City) -> None:
    code = city.pool.code("login", VERIFIER, CALLBACK)
    answer = city.token("authorization_code", client_id="login", **redemption(code))
    assert answer.status_code == 200


def test_code_works_once(city: City) -> None:
    code = city.pool.code("web", VERIFIER, CALLBACK)
    assert city.token("authorization_code", **redemption(code)).status_code == 200
    assert refusal(city.token("authorization_code", **redemption(code))) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_request"),
        ({"code_verifier": "v" * 42}, "invalid_request"),
        ({"code_verifier": "v" * 129}, "invalid_request"),
        ({"redirect_uri": CALLBACK + "/"}, "invalid_grant"),
        ({"redirect_uri": "https://app.example.evil/callback"}, "invalid_grant"),
        ({"redirect_uri": ""}, "invalid_request"),
        ({"code": ""}, "invalid_request"),
        ({"code": "guessed"}, "invalid_grant"),
    ],
)
def test_code_is_bound_to_verifier_and_redirect_uri(
    city: City, change: dict[str, str], error: str
) -> None:
    code = city.pool.code("web", VERIFIER, CALLBACK)
    answer = city.token("authorization_code", **redemption(code) | change)
    assert refusal(answer) == (400, error)


def test_code_of_another_client_is_refused(city: City) -> None:
    code = city.pool.code("other", VERIFIER, CALLBACK)
    assert refusal(city.token("authorization_code", **redemption(code))) == (400, "invalid_grant")


def test_code_without_verifier_never_reaches_the_pool(city: City) -> None:
    code = city.pool.code("web", VERIFIER, CALLBACK)
    city.token("authorization_code", code=code, redirect_uri=CALLBACK)
    assert city.pool.requests == []


GRANTS = {
    "authorization_code": redemption("code"),
    "refresh_token": {"refresh_token": "token"},
    "client_credentials": {},
    "password": {"username": "ann@example.org", "password": "right"},
    "implicit": {},
}


@pytest.mark.parametrize("grant_type", GRANTS)
@pytest.mark.parametrize(
    "client",
    [
        {"client_id": "web"},
        {"client_id": "web", "client_secret": "wrong"},
        {"client_id": "web", "client_secret": ""},
        {"client_id": "login", "client_secret": "any"},
        {"client_id": "nobody", "client_secret": SECRET},
        {"client_id": "web\x1f", "client_secret": SECRET},
        {"client_id": "user-1", "client_secret": SECRET},
        {"auth": None},
        {"auth": ("web", "wrong")},
        {"auth": ("web", "")},
        {"auth": ("", SECRET)},
    ],
)
def test_client_is_authenticated_on_every_branch(
    city: City, grant_type: str, client: dict[str, str]
) -> None:
    answer = city.token(grant_type, **GRANTS[grant_type] | client)
    assert refusal(answer) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert city.pool.requests == []


@pytest.mark.parametrize(
    "header",
    ["Basic", "Basic !", "Basic d2Vi", "Digest d2ViOng=", "Basic d2ViOng=, Basic d2ViOng="],
)
def test_malformed_client_credentials_are_refused(city: City, header: str) -> None:
    headers = {"Authorization": header}
    answer = city.post("/oauth2/token", {"grant_type": "x"}, auth=None, headers=headers)
    assert answer.status_code == 401


def test_unknown_clients_cost_the_pool_no_call(city: City) -> None:
    for number in range(5):
        city.token("client_credentials", client_id=f"guess{number}", client_secret="x")
    assert city.pool.described == []


def test_disabled_client_gets_nothing_at_once(city: City) -> None:
    assert city.token("client_credentials").status_code == 200
    city.accounts.set_active("web", active=False)
    assert refusal(city.token("client_credentials")) == (401, "invalid_client")


def test_secret_may_come_in_the_form_or_as_keyrocks_clients_send_it_in_both_places(
    city: City,
) -> None:
    form = {"client_id": "web", "client_secret": SECRET}
    assert city.token("client_credentials", **form).status_code == 200
    assert city.token("client_credentials", auth=("web", SECRET), **form).status_code == 200


@pytest.mark.parametrize("sent", ["a+b/c=", "a%2Bb%2Fc%3D"])
def test_secret_may_be_form_encoded_or_not(city: City, sent: str) -> None:
    city.pool.clients["web"]["ClientSecret"] = "a+b/c="
    assert city.token("client_credentials", auth=("web", sent)).status_code == 200


@pytest.mark.parametrize("form", [{"client_id": "other"}, {"client_secret": "else"}])
def test_two_different_clients_in_one_request_are_refused(city: City, form: dict[str, str]) -> None:
    answer = city.token("client_credentials", auth=("web", SECRET), **form)
    assert refusal(answer) == (400, "invalid_request")


def test_repeated_parameter_is_refused(city: City) -> None:
    answer = city(
        "POST",
        "/oauth2/token",
        content="grant_type=client_credentials&grant_type=password",
        headers=basic("web", SECRET) | {"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert refusal(answer) == (400, "invalid_request")


def test_json_body_is_refused(city: City) -> None:
    answer = city("POST", "/oauth2/token", json={"grant_type": "client_credentials"})
    assert refusal(answer) == (400, "invalid_request")


def test_credentials_in_the_query_are_not_looked_at(city: City) -> None:
    url = f"/oauth2/token?client_id=web&client_secret={SECRET}&grant_type=client_credentials"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert refusal(city("POST", url, content=b"", headers=headers)) == (401, "invalid_client")


@pytest.mark.parametrize("grant_type", ["implicit", "urn:ietf:params:oauth:grant-type:x", "token"])
def test_other_grant_types_are_unsupported(city: City, grant_type: str) -> None:
    assert refusal(city.token(grant_type)) == (400, "unsupported_grant_type")


def test_missing_grant_type_is_refused(city: City) -> None:
    assert refusal(city.post("/oauth2/token", {"scope": "x"})) == (400, "invalid_request")


def test_client_credentials_are_exchanged_by_the_machine_client_of_the_application(
    city: City,
) -> None:
    answer = city.token("client_credentials", scope="context/read")
    assert answer.json()["scope"] == "context/read"
    assert "refresh_token" not in answer.json()
    assert city.pool.requests[-1]["client_id"] == "web-machine"


def test_public_client_has_no_client_credentials(city: City) -> None:
    answer = city.token("client_credentials", client_id="login")
    assert refusal(answer) == (400, "unauthorized_client")


def test_scope_beyond_the_clients_is_refused(city: City) -> None:
    answer = city.token("client_credentials", scope="security/admin")
    assert refusal(answer) == (400, "invalid_scope")


@pytest.mark.parametrize("scope", [{}, {"scope": "bearer"}, {"scope": "jwt"}])
def test_keyrocks_clients_get_keyrocks_answer(city: City, scope: dict[str, str]) -> None:
    tokens = city.token("client_credentials", **scope).json()
    assert tokens.keys() == {"access_token", "expires_in", "token_type", "scope"}
    assert (tokens["token_type"], tokens["scope"]) == ("bearer", ["bearer"])


@pytest.mark.parametrize("scope", ["permanent", "jwt bearer", "bearer context/read"])
def test_scopes_that_keyrock_should_not_have_are_refused(city: City, scope: str) -> None:
    answer = city.token("client_credentials", scope=scope)
    assert refusal(answer) == (400, "invalid_scope")


def test_refresh_token_rotates_and_the_old_one_is_dead(city: City) -> None:
    first = city.signed_in()
    second = city.token("refresh_token", refresh_token=first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["scope"] == "context/read openid"
    again = city.token("refresh_token", refresh_token=first["refresh_token"])
    assert refusal(again) == (400, "invalid_grant")


def test_refresh_token_of_another_client_is_refused(city: City) -> None:
    token = city.signed_in()["refresh_token"]
    answer = city.token("refresh_token", refresh_token=token, auth=("other", "s3"))
    assert refusal(answer) == (400, "invalid_grant")


def test_password_gives_keyrocks_answer_and_so_does_its_refresh(city: City) -> None:
    tokens = city.token("password", username="ann@example.org", password="right").json()
    assert tokens["scope"] == ["bearer"]
    again = city.token("refresh_token", refresh_token=tokens["refresh_token"]).json()
    assert again["scope"] == ["bearer"]


def test_application_without_login_page_refreshes_and_ends_what_passwords_gave(
    city: City,
) -> None:
    """Cognito's token endpoint refuses clients that have no flow of OAuth."""
    del city.pool.clients["web"]["CallbackURLs"]
    first = city.token("password", username="ann@example.org", password="right").json()
    second = city.token("refresh_token", refresh_token=first["refresh_token"]).json()
    assert second["scope"] == ["bearer"]
    again = city.token("refresh_token", refresh_token=first["refresh_token"])
    assert refusal(again) == (400, "invalid_grant")
    assert city.is_active(second["access_token"])
    assert city.post("/oauth2/revoke", {"token": second["refresh_token"]}).status_code == 200
    assert not city.is_active(second["access_token"])
    assert city.pool.requests == []


@pytest.mark.parametrize(
    "login",
    [
        {"username": "ann@example.org", "password": "wrong"},
        {"username": "nobody@example.org", "password": "right"},
    ],
)
def test_every_bad_login_has_the_same_answer(city: City, login: dict[str, str]) -> None:
    answer = city.token("password", **login)
    assert refusal(answer) == (400, "invalid_grant")
    assert answer.json()["error_description"] == "wrong user name or password"


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ("UserNotConfirmedException", (400, "invalid_grant")),
        ("PasswordResetRequiredException", (400, "invalid_grant")),
        ("NotAuthorizedException", (400, "invalid_grant")),
        ("InvalidParameterException", (400, "unauthorized_client")),
        ("TooManyRequestsException", (503, "temporarily_unavailable")),
        ("InternalErrorException", (503, "temporarily_unavailable")),
        ("SomethingNewException", (500, "server_error")),
    ],
)
def test_what_the_pool_refuses_at_sign_in_is_told_in_oauths_words(
    city: City, fault: str, answer: tuple[int, str]
) -> None:
    city.pool.fault = fault
    refused = city.token("password", username="ann@example.org", password="right")
    assert refusal(refused) == answer
    assert fault not in refused.text


def test_user_who_owes_a_new_password_is_sent_to_the_login_page(city: City) -> None:
    answer = city.token("password", username="new@example.org", password="temporary")
    assert refusal(answer) == (400, "invalid_grant")
    assert "login page" in answer.json()["error_description"]


def agent_of(city: City, application: str) -> tuple[str, str]:
    """Id and password of an IoT agent of an application."""
    id, password = f"iot_sensor_{application}", "made up by nobody"
    table = Table(city.dynamodb, city.table)
    pk, sk = application_key(application)
    table.put({"pk": pk, "sk": sk})
    AgentStore(table).add(Agent(id, application, AgentKind.IOT, hash_password(password)))
    assert city.accounts.create(Account(id, "iot"))
    return id, password


def test_agent_gets_a_token_of_its_application_by_password(city: City) -> None:
    id, password = agent_of(city, "web")
    tokens = city.token("password", username=id, password=password).json()
    assert (tokens["scope"], "refresh_token" in tokens) == (["bearer"], False)
    assert city.pool.requests[-1]["client_id"] == "web-machine"


def test_agent_of_another_application_or_with_another_password_gets_none(city: City) -> None:
    id, password = agent_of(city, "web")
    foreign, its_password = agent_of(city, "other")
    for username, tried in ((id, "wrong"), (foreign, its_password), ("iot_sensor_x", password)):
        answer = city.token("password", username=username, password=tried)
        assert refusal(answer) == (400, "invalid_grant")
    city.accounts.set_active(id, active=False)
    answer = city.token("password", username=id, password=password)
    assert refusal(answer) == (400, "invalid_grant")


def test_client_without_the_flow_may_not_send_passwords(city: City) -> None:
    login = {"username": "ann@example.org", "password": "right"}
    answer = city.token("password", **login, auth=("other", "s3"))
    assert refusal(answer) == (400, "unauthorized_client")


def test_password_grant_exists_only_where_it_is_switched_on(city: City) -> None:
    prod = City(city.pool, city.table, city.dynamodb, password_grant=False)
    answer = prod.token("password", username="ann@example.org", password="right")
    assert refusal(answer) == (400, "unsupported_grant_type")
    prod.close()


@pytest.mark.parametrize("outage", [(500, b"{}"), (429, b"{}"), (200, b"no"), (200, b"x" * 70_000)])
def test_pool_that_fails_is_a_503_that_may_be_tried_again(
    city: City, outage: tuple[int, bytes]
) -> None:
    city.pool.outage = outage
    answer = city.token("client_credentials")
    assert refusal(answer) == (503, "temporarily_unavailable")
    assert answer.headers["retry-after"]


def test_pool_that_nobody_reaches_is_a_503(city: City) -> None:
    lost = City(city.pool, city.table, city.dynamodb, login_url="http://127.0.0.1:9")
    assert refusal(lost.token("client_credentials")) == (503, "temporarily_unavailable")
    lost.close()


def test_changed_secret_is_taken_up_without_waiting_for_the_cache(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert city.token("client_credentials").status_code == 200
    city.pool.clients["web"]["ClientSecret"] = "changed"
    monkeypatch.setattr("security.oauth.clients.MIN_AGE", 0)
    assert city.token("client_credentials", auth=("web", "changed")).status_code == 200


def test_processes_share_what_the_pool_says_of_a_client(city: City) -> None:
    """It describes five clients a second, whoever asks."""
    for _ in range(3):
        assert city.token("refresh_token", refresh_token="x").status_code == 400
        city.services.__dict__.pop("oauth")
    assert city.pool.described == ["web"]


def test_wrong_secrets_do_not_use_up_the_pools_rate(city: City) -> None:
    for number in range(5):
        assert city.token("client_credentials", auth=("web", f"guess{number}")).status_code == 401
    assert city.pool.described == ["web"]


def test_client_that_the_pool_cannot_describe_now_goes_on_as_it_was(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = city.signed_in()
    monkeypatch.setattr("security.oauth.clients.MAX_AGE", 0)
    monkeypatch.setattr(city.pool, "describe_user_pool_client", busy)
    again = city.token("refresh_token", refresh_token=tokens["refresh_token"])
    assert again.status_code == 200
    unknown = city.token("refresh_token", refresh_token="x", auth=("other", "s3"))
    assert refusal(unknown) == (503, "temporarily_unavailable")


def test_client_that_the_pool_has_no_more_is_refused(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert city.token("client_credentials").status_code == 200
    del city.pool.clients["web"]
    monkeypatch.setattr("security.oauth.clients.MAX_AGE", 0)
    for _ in range(2):
        assert refusal(city.token("client_credentials")) == (401, "invalid_client")


def busy(**_: object) -> None:
    raise ClientError({"Error": {"Code": "TooManyRequestsException"}}, "DescribeUserPoolClient")


def test_no_secret_is_kept(city: City) -> None:
    assert city.token("client_credentials").status_code == 200
    rows = repr(city.dynamodb.scan(TableName=city.table)["Items"])
    assert hash_of(SECRET) in rows
    assert SECRET not in rows


def test_no_secret_token_or_password_is_logged(
    city: City, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = city.signed_in()
    city.token("password", username="ann@example.org", password="right-guess")
    city.post("/oauth2/revoke", {"token": tokens["refresh_token"]})
    log = repr([vars(record) for record in caplog.records])
    assert "/oauth2/token" in log
    for secret in (SECRET, VERIFIER, "right-guess", "ann@", *map(str, tokens.values())):
        assert secret in {"Bearer", "3600", tokens["scope"]} or secret not in log


def test_passwords_are_refused_in_prod_whoever_sets_the_variable(city: City) -> None:
    with pytest.raises(ValidationError, match="password_grant"):
        ApiSettings.model_validate(city.settings.model_dump() | {"stage": "prod"})
