"""What a function reads from its environment is what the template sets, no more and no less."""

import pytest

from city.settings import Settings
from context.settings import ApiSettings, MatcherSettings, SenderSettings
from tests.template.stack import resources, translated

POWERTOOLS = ("POWERTOOLS_", "LOG_LEVEL")


@pytest.mark.parametrize(
    ("function", "settings"),
    [
        ("ContextApiFunction", ApiSettings),
        ("ContextMatcherFunction", MatcherSettings),
        ("ContextSenderFunction", SenderSettings),
    ],
)
def test_variables_are_the_fields_of_the_settings(function: str, settings: type[Settings]) -> None:
    properties = resources(translated(), "AWS::Lambda::Function")[function]
    variables = properties["Environment"]["Variables"]
    ours = {name for name in variables if not name.startswith(POWERTOOLS)}
    assert ours == {field.upper() for field in settings.model_fields}


def test_every_function_names_itself_in_its_logs() -> None:
    functions = resources(translated(), "AWS::Lambda::Function").values()
    names = {
        function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] for function in functions
    }
    assert len(names) == len(functions)
