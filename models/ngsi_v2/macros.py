"""Macros of custom notifications: `${name}` stands for an attribute or a fact of the request.

Orion evaluates JEXL expressions between the braces; here only a plain name is allowed, and
everything else is refused when the subscription is made instead of becoming `null` later.
"""

import re
from collections.abc import Callable

from models.ngsi_v2.faults import fault, unsupported

MAX_NESTING = 50

MACRO = re.compile(r"\$\{([^}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def check_macros(template: object, depth: int = 0) -> None:
    """Refuse every macro in the template (any JSON value) that is not a plain name.

    Nesting that a reader of the stored subscription could not follow is refused as well.
    """
    if isinstance(template, str):
        for name in _pieces(template)[1::2]:
            _check_name(name)
        return
    if not isinstance(template, list | dict):
        return
    if depth >= MAX_NESTING:
        raise fault(f"template of httpCustom has overpassed maximum nesting limit: {MAX_NESTING}")
    for element in template.values() if isinstance(template, dict) else template:
        check_macros(element, depth + 1)


def substitute(template: str, value_of: Callable[[str], str], literal: Callable[[str], str]) -> str:
    """Replace each macro by `value_of` its name and pass the text between through `literal`."""
    pieces = _pieces(template)
    return "".join(
        value_of(piece) if index % 2 else literal(piece) for index, piece in enumerate(pieces)
    )


def _pieces(template: str) -> list[str]:
    """Text and names of macros in turn; what is behind the last brace need not be searched."""
    head, brace, tail = template.rpartition("}")
    pieces = MACRO.split(head + brace)
    pieces[-1] += tail
    return pieces


def _check_name(name: str) -> None:
    if not _NAME.match(name):
        raise unsupported(
            f"unsupported macro ${{{name}}}: only a plain attribute name is allowed between the "
            "braces, JEXL expressions are not"
        )
