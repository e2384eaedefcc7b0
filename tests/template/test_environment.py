"""What a function reads from its environment is what the template sets, no more and no less."""

import pytest

from city.settings import Settings
from context.settings import ApiSettings, MatcherSettings, SenderSettings
from history.settings import ApiSettings as HistorySettings
from history.settings import ArchiveSettings, CompactSettings, ScheduleSettings
from security.settings import ApiSettings as SecuritySettings
from tests.template.stack import resources, translated


@pytest.mark.parametrize(
    ("function", "settings"),
    [
        ("ContextApiFunction", ApiSettings),
        ("ContextMatcherFunction", MatcherSettings),
        ("ContextSenderFunction", SenderSettings),
        ("SecurityApiFunction", SecuritySettings),
        ("HistoryApiFunction", HistorySettings),
        ("HistoryArchiveFunction", ArchiveSettings),
        ("HistoryCompactFunction", CompactSettings),
        ("HistoryScheduleFunction", ScheduleSettings),
    ],
)
def test_variables_are_the_fields_of_the_settings(function: str, settings: type[Settings]) -> None:
    properties = resources(translated(), "AWS::Lambda::Function")[function]
    variables = properties["Environment"]["Variables"]
    assert set(variables) == {field.upper() for field in settings.model_fields}
