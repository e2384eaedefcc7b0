"""pycognito signs in by SRP, so that no password leaves the client, against a running city.

Runs in a virtual environment of its own; `test_pycognito.py` starts it.
"""

import os
import time
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError
from pycognito import Cognito

CITY = os.environ["CITY"]
os.environ["AWS_ENDPOINT_URL"] = os.environ["AWS"]


def client(username: str) -> Cognito:
    session: Any = boto3.Session("test", "test", region_name="eu-west-1")
    user = Cognito(os.environ["POOL"], os.environ["LOGIN_ID"], username=username, session=session)
    user.pool_jwk = requests.get(f"{CITY}/.well-known/jwks.json", timeout=30).json()
    return user


def status(token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    found: int = requests.get(f"{CITY}/v2/entities", headers=headers, timeout=30).status_code
    return found


def test_token_of_an_srp_sign_in_reads_the_context_until_it_is_revoked() -> None:
    user = client(os.environ["USERNAME"])
    user.authenticate(password=os.environ["PASSWORD"])  # verifies both tokens by the city's keys
    assert status(user.access_token) == 200
    form = {"token": user.refresh_token, "client_id": os.environ["LOGIN_ID"]}
    assert requests.post(f"{CITY}/oauth2/revoke", data=form, timeout=30).status_code == 200
    deadline = time.monotonic() + 30
    while status(user.access_token) == 200:
        assert time.monotonic() < deadline, "the revoked token is still accepted"
        time.sleep(0.05)
    assert status(user.access_token) == 401


@pytest.mark.parametrize(
    ("username", "password"),
    [(os.environ["USERNAME"], "wrong"), ("nobody@city.example", "Aa1-wrong-wrong")],
)
def test_wrong_password_and_unknown_user_look_alike(username: str, password: str) -> None:
    with pytest.raises(ClientError) as refusal:
        client(username).authenticate(password=password)
    error = refusal.value.response["Error"]
    assert error["Code"] == "NotAuthorizedException"
    assert error["Message"] == "Incorrect username or password."
