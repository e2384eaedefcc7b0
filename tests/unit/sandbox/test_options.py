import pytest

from sandbox.options import grant_seconds_from_environment, port_from_environment


@pytest.mark.parametrize("given", ["abc", "0", "65536", "-1", "8080.0"])
def test_a_port_that_is_none_ends_the_program_with_a_sentence(
    given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", given)
    with pytest.raises(SystemExit, match=rf"PORT={given} is no port"):
        port_from_environment(8080)


@pytest.mark.parametrize(("given", "port"), [("", 8080), ("9090", 9090)])
def test_an_empty_port_is_the_default(
    given: str, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", given)
    assert port_from_environment(8080) == port


@pytest.mark.parametrize("given", ["31", "-1", "1.5", "soon"])
def test_rights_are_kept_for_up_to_half_a_minute(
    given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRANT_SECONDS", given)
    with pytest.raises(SystemExit, match="Choose 0 to 30"):
        grant_seconds_from_environment()


@pytest.mark.parametrize(("given", "seconds"), [("", 1), ("0", 0), ("30", 30)])
def test_how_long_rights_are_kept_may_be_chosen(
    given: str, seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRANT_SECONDS", given)
    assert grant_seconds_from_environment() == seconds
