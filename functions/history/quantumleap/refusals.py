"""What QuantumLeap refuses, in its own words."""

from city.errors import CityError

NOT_FOUND = "Not Found"
NO_RECORDS = "No records were found for such query."


class Refused(CityError):
    """A refusal of QuantumLeap's own, with its status, its name and what it says."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.error = error


class WrongForm(CityError):
    """A parameter or body is not of the form that the API's description demands (400)."""


def no_records() -> Refused:
    """What QuantumLeap 1.0.0 answers when there is nothing, for whatever reason."""
    return Refused(404, NOT_FOUND, NO_RECORDS)


def wrong_use(description: str) -> Refused:
    """Parameters that are right one by one and wrong together."""
    return Refused(400, "Bad parameters use", description)


def cannot_aggregate() -> Refused:
    """An aggregate of values that have none."""
    name = "AggrMethod cannot be applied"
    return Refused(404, name, f"{name} on type TEXT and BOOLEAN.")


def ambiguous(entity_id: str, status: int) -> Refused:
    """The id stands for entities of several types; QuantumLeap says 400 or 409."""
    text = f"There are multiple entities with the given entity_id {entity_id}. "
    return Refused(status, "AmbiguousNGSIIdError", f"{text}Please specify entity_type.")
