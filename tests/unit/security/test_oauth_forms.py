"""What OAuth's endpoints are sent, read strictly: whatever comes is read or refused, never a fault."""

from base64 import b64encode
from urllib.parse import urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from security.oauth.forms import (
    FORM,
    MAX_BYTES,
    MAX_PARAMETERS,
    Credentials,
    parse_form,
    presented_credentials,
)
from security.oauth.refusals import OAuthError

NAMES = st.sampled_from(["client_id", "client_secret", "grant_type", "scope", "x"])


@given(st.binary(max_size=200) | st.text(alphabet="a=&%+2B;\x00é", max_size=60).map(str.encode))
@example(b"a=%ff")
@example(b"\xff")
@example(b"a=1&a=1")
def test_any_body_is_read_or_refused(body: bytes) -> None:
    try:
        parameters = parse_form(FORM, body)
    except OAuthError:
        return
    assert all(parameters.values())


@given(st.dictionaries(NAMES, st.text(max_size=30)))
def test_form_is_read_as_it_was_written(members: dict[str, str]) -> None:
    written = urlencode(members, errors="ignore").encode()
    kept = {
        name: value
        for name, text in members.items()
        if (value := text.encode(errors="ignore").decode())
    }
    assert parse_form(f"{FORM}; charset=UTF-8", written) == kept


@given(
    st.text(max_size=80)
    | st.binary(max_size=60).map(lambda raw: "Basic " + b64encode(raw).decode())
)
@example("Basic " + b64encode(b"a:b\xff").decode())
@example("Basic Og==")
def test_any_authorization_is_read_or_refused(header: str) -> None:
    try:
        credentials = presented_credentials({}, [header])
    except OAuthError:
        return
    assert credentials.client
    assert credentials.secret != ""


def test_secret_is_not_shown_when_credentials_are_printed() -> None:
    assert "hidden" not in repr(Credentials("web", "hidden"))


@pytest.mark.parametrize(
    "body",
    [b"a=" + b"b" * MAX_BYTES, b"&".join(b"a%d=1" % n for n in range(MAX_PARAMETERS + 1))],
)
def test_long_forms_are_refused(body: bytes) -> None:
    with pytest.raises(OAuthError):
        parse_form(FORM, body)


@pytest.mark.parametrize("media_type", ["", "application/json", "multipart/form-data; boundary=x"])
def test_other_media_types_are_refused(media_type: str) -> None:
    with pytest.raises(OAuthError):
        parse_form(media_type, b"a=1")
