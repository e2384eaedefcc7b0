import pytest

from sandbox.options import port_from_environment


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
