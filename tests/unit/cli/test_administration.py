"""The commands about people and rights: what they ask of the city and what they print."""

import io
import json
import shlex
from collections.abc import Callable, Iterator
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request

import pytest
from boto3.session import Session
from typer.testing import CliRunner

from city.policy.accounts import Account
from cli import api, stack, tokens
from cli.__main__ import app
from cli.stack import Stack
from tests.integration.people.city import People

City = Callable[[str], str]


@pytest.fixture
def people(dynamodb: Any, security_table: str) -> Iterator[People]:
    city = People(dynamodb, security_table)
    yield city
    city.close()


@pytest.fixture
def city(people: People, monkeypatch: pytest.MonkeyPatch) -> City:
    """Runs a command against a city in this process; gives what it prints, or fails."""
    local = Stack("city", Session(), url="https://city.example")
    vars(local)["outputs"] = {
        "SecurityTableName": people.table,
        "UserPoolId": people.pool,
        "ClientId": "machine",
        "LoginClientId": people.login,
    }

    def send(request: Request, timeout: int) -> Any:
        answer = people(
            request.get_method(),
            request.full_url,
            headers={
                "X-Auth-Token": str(request.get_header("Authorization")).removeprefix("Bearer ")
            },
            content=request.data,
        )
        if answer.is_success:
            return io.BytesIO(answer.content)
        body = io.BytesIO(answer.content)
        raise HTTPError(request.full_url, answer.status_code, "refused", Message(), body)

    monkeypatch.setattr(api, "urlopen", send)
    monkeypatch.setattr(tokens, "token", lambda _: people.token(people.admin))
    monkeypatch.setattr(stack, "find", lambda _: local)

    def run(command: str, status: int = 0) -> str:
        result = CliRunner().invoke(app, shlex.split(command))
        assert result.exit_code == status, (result.output, result.exception)
        return result.output

    return run


def refused(city: Any, command: str) -> str:
    text: str = city(command, 1)
    return text


def id_in(output: str) -> str:
    """The id in the first line of what a command prints."""
    return output.splitlines()[0].split()[1].rstrip(",")


def test_bootstrap_makes_the_administrator_and_says_so(city: City, people: People) -> None:
    assert "One-time password" in city("bootstrap first@city.example")
    again = city("bootstrap first@city.example")
    assert "is there" in again
    assert "password" not in again
    assert people.services.accounts.get("machine").account.grants


def test_bootstrap_takes_the_password_of_the_environment(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITY_ADMIN_PASSWORD", "correct horse battery")
    assert "password" not in city("bootstrap first@city.example")


def test_users_are_made_listed_disabled_and_erased(city: City, people: People) -> None:
    made = city("users create ann@city.example --username Ann")
    id = id_in(made)
    assert "shown this once" in made
    assert f"{id}  enabled   ann@city.example  Ann" in city("users list")
    city(f"users disable {id}")
    assert not people.services.accounts.get(id).account.active
    city(f"users enable {id}")
    assert people.services.accounts.get(id).account.active
    city(f"erase {id}")
    assert id not in city("users list")
    assert people.services.accounts.find(id) is None


def test_password_of_the_environment_is_not_printed(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITY_USER_PASSWORD", "correct horse battery")
    assert "assword" not in city("users create ann@city.example")


def test_ledger_of_erasures_is_printed_and_applied(city: City, tmp_path: Path) -> None:
    id = id_in(city("users create ann@city.example"))
    city(f"erase {id}")
    ledger = tmp_path / "ledger.json"
    ledger.write_text(city("erasures"))
    assert len(json.loads(ledger.read_text())["erasures"]) == 1
    assert id not in ledger.read_text()
    assert json.loads(city(f"erase --replay --ledger {ledger}")) == {"erased": 0}


def test_erase_wants_a_user_or_replay(city: Any) -> None:
    city("erase", 2)
    city("erase ann --replay", 2)


def test_applications_are_made_listed_and_deleted(city: City) -> None:
    made = city("applications create Dashboard --scope context/read")
    id = id_in(made)
    assert "Secret, shown this once" in made
    assert f"{id}  Dashboard" in city("applications list")
    city(f"applications delete {id}")
    assert id not in city("applications list")


def test_grants_are_given_listed_explained_and_taken(city: City, people: People) -> None:
    ann = people.add("ann")
    given = city(
        f"grants create {ann} --tenant park --action read --action update --path /a/# --type Room"
    )
    grant, subject, rest = given.strip().split("  ")
    assert (subject, rest) == (ann, "allow read,update in park /a/# types=Room origin=direct")
    assert city(f"grants list --subject {ann}") == city("grants list --tenant park") == given
    question = f"explain {ann} read --tenant park --type Room --id r1"
    assert city(f"{question} --path /a/b").startswith(f"Allowed: allowed by grant {grant}")
    assert city(question).startswith("Denied")
    city(f"grants delete {ann} {grant}")
    assert city(f"grants list --subject {ann}") == ""


def test_keys_are_made_listed_rotated_and_deleted(city: City) -> None:
    made = city("keys create gate --tenant park --action read --scope context/read")
    id = id_in(made)
    text = made.splitlines()[1]
    assert text.startswith(f"sk_city_{id}_")
    assert f"{id}  " in city("keys list")
    renewed = city(f"keys rotate {id}").strip()
    assert renewed.startswith(f"sk_city_{id}_")
    assert renewed != text
    city(f"keys delete {id}")
    assert city("keys list") == ""


def test_tokens_and_sessions_are_revoked(city: City, people: People) -> None:
    people.services.accounts.create(Account("app", "application"))
    city("revoke app --session s-1")
    account = people.services.accounts.get("app").account
    assert account.revoked == {"s-1"}
    assert not account.revoked_before
    city("revoke app")
    assert people.services.accounts.get("app").account.revoked_before


def test_audit_is_printed_newest_first(city: City, people: People) -> None:
    ann = people.add("ann")
    city(f"grants create {ann} --tenant park --action read")
    city(f"users disable {ann}")
    platform = city("audit --limit 1").split()
    assert platform[1:] == [people.admin, "subject:disable", ann, "done"]
    [entry] = city("audit --tenant park").splitlines()
    assert entry.split()[2:5] == ["grant:create", ann, "done"]
    assert city("audit --tenant park --actor nobody") == ""


def test_keyrock_export_is_imported(city: City, people: People, tmp_path: Path) -> None:
    export = tmp_path / "export.json"
    user = {"id": "7", "username": "Ann", "email": "ann@city.example"}
    export.write_text(json.dumps({"users": [user]}))
    city(f"import-keyrock {export}")
    assert "ann@city.example" in city("users list")


def test_file_that_is_no_export_is_refused(city: Any, tmp_path: Path) -> None:
    export = tmp_path / "export.json"
    for text in ("[]", "{"):
        export.write_text(text)
        city(f"import-keyrock {export}", 2)


def test_refusal_is_printed_and_fails_the_command(city: Any) -> None:
    text = refused(city, "grants create nobody --tenant park --action read")
    assert text == "The city refuses (404): there is no subject nobody\n"
    assert "(404)" in refused(city, "applications delete nothing")
