"""The text for what is wrong with a document, naming the member by its path."""

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

_KINDS = {
    "bool_type": "must be true or false",
    "dict_type": "must be an object",
    "extra_forbidden": "is not a member of a policy",
    "int_type": "must be an integer",
    "invalid-json-value": "must be a JSON value",
    "list_type": "must be an array",
    "missing": "is missing",
    "model_attributes_type": "must be an object",
    "model_type": "must be an object",
    "string_type": "must be a string",
    "tuple_type": "must be an array",
}


def fault(text: str) -> PydanticCustomError:
    """A refusal of a member; the text follows the member's path."""
    return PydanticCustomError("authzen", "{text}", {"text": text})


def explain(error: ValidationError) -> str:
    """What the first fault of a document is, e.g. "subject.id is missing"."""
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(map(str, first["loc"])) or "the document"
    kind = first["type"]
    if kind == "authzen":
        return f"{place} {first['msg']}"
    return f"{place} {_KINDS.get(kind) or _sentence(first['msg'])}"


def _sentence(message: str) -> str:
    """Pydantic's own words, e.g. "Input should be 'allow' or 'deny'"."""
    for kind in ("List ", "String ", "Tuple "):
        message = message.removeprefix(kind)
    return message.replace("Input should be", "must be").partition(" after validation")[0]
