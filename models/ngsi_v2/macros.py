"""Macros of custom notifications: `${name}` stands for an attribute or a fact of the request.

Orion evaluates JEXL expressions between the braces; here only a plain name is allowed, and
everything else is refused when the subscription is made instead of becoming `null` later.
"""

import re
from collections.abc import Callable

from models.ngsi_v2.faults import unsupported

MACRO = re.compile(r"\$\{([^}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def check_macros(template: object) -> None:
    """Refuse every macro in the template (any JSON value) that is not a plain name."""
    if isinstance(template, str):
        for name in MACRO.findall(template):
            _check_name(name)
    elif isinstance(template, list):
        for element in template:
            check_macros(element)
    elif isinstance(template, dict):
        for element in template.values():
            check_macros(element)


def substitute(template: str, value_of: Callable[[str], str], literal: Callable[[str], str]) -> str:
    """Replace each macro by `value_of` its name and pass the text between through `literal`."""
    pieces = MACRO.split(template)
    return "".join(
        value_of(piece) if index % 2 else literal(piece) for index, piece in enumerate(pieces)
    )


def _check_name(name: str) -> None:
    if not _NAME.match(name):
        raise unsupported(
            f"unsupported macro ${{{name}}}: only a plain attribute name is allowed between the "
            "braces, JEXL expressions are not"
        )
