"""Signing in with name and password: people where it is wanted, agents for their application."""

from dataclasses import dataclass
from typing import Any

import pytest

from security.cognito.endpoints import BadLogin, ChallengeRequired, ClientKey
from security.oauth.refusals import OAuthError
from security.oauth.sign_in import SignIn, SignInRefused
from security.store.agents import Agent, AgentKind

EMAIL, PASSWORD = "ann@city.example", "correct horse battery"
PROXY = "pep_proxy_1"
LOGIN = ClientKey("login")


@dataclass
class Stub:
    """What signing in calls; `outcome` is what the token endpoint or the pool does."""

    outcome: Any = None

    def password(self, client: ClientKey, name: str, password: str) -> dict[str, Any]:
        self._raise()
        return {"access_token": f"{client.id} {name} {password}"}

    def verify(self, name: str, password: str) -> Agent | None:
        return Agent(name, "app-1", AgentKind.PEP, "") if password == PASSWORD else None

    def named(self, application: str) -> str:
        return application

    def exchange(self, client: str, form: dict[str, str]) -> dict[str, Any]:
        self._raise()
        return {"access_token": f"{client} {form['grant_type']}"}

    def _raise(self) -> None:
        if self.outcome is not None:
            raise self.outcome


def sign_in(outcome: Any = None, client: ClientKey | None = LOGIN) -> SignIn:
    stub: Any = Stub(outcome)
    return SignIn(stub, client, stub.verify, stub, stub)


def test_person_gets_a_token_in_whatever_spelling_of_the_address() -> None:
    assert sign_in().token("Ann@City.Example", PASSWORD) == f"login {EMAIL} {PASSWORD}"


@pytest.mark.parametrize("outcome", [BadLogin("no"), ChallengeRequired("more")])
def test_person_whom_the_pool_does_not_let_in_gets_none(outcome: Exception) -> None:
    assert sign_in(outcome).token(EMAIL, PASSWORD) is None


def test_name_that_is_no_address_gets_none() -> None:
    assert sign_in().token("ann", PASSWORD) is None


def test_person_is_told_where_to_sign_in_instead() -> None:
    for name in (EMAIL, "nobody"):
        with pytest.raises(SignInRefused, match="/oauth2/authorize"):
            sign_in(client=None).token(name, PASSWORD)


@pytest.mark.parametrize("client", [None, LOGIN])
def test_agent_gets_a_token_of_its_application(client: ClientKey | None) -> None:
    assert sign_in(client=client).token(PROXY, PASSWORD) == "app-1 client_credentials"
    assert sign_in(client=client).token(PROXY, "wrong") is None


def test_agent_of_an_application_that_cannot_act_is_told_so() -> None:
    refusing = sign_in(OAuthError("unauthorized_client", "no"))
    with pytest.raises(SignInRefused, match="client_credentials"):
        refusing.token(PROXY, PASSWORD)
    assert refusing.token(PROXY, "wrong") is None
