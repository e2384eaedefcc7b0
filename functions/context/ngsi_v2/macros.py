"""Filling the templates of custom notifications (NGSI-v2 "Macro substitution")."""

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from city.document import Entity
from city.errors import TooLarge
from city.json import Json, dump
from city.tenancy import shown
from context.ngsi_v2.render import shown_value
from models.ngsi_v2.macros import MACRO, substitute

MAX_FILLED = 4_000_000
"""Characters that the macros of one template may stand for; what they name may be large."""

_URL_SAFE = ":/?#[]@!$&'()*+,;=~"
_QUERY_SAFE = ":/@!$*,?~"


@dataclass(slots=True)
class Facts:
    """What `${name}` stands for: an attribute's value, or a fact of the notification.

    `${authToken}` is empty, as if the update had carried no token: tokens are never kept.
    """

    entity: Entity
    _patched: dict[str, Json] = field(default_factory=dict)
    _sizes: dict[str, int] = field(default_factory=dict)
    _left: int = MAX_FILLED

    def take(self, name: str) -> Json:
        """The value behind a name, to become part of the notification. Raises TooLarge."""
        value = self.value(name)
        if name not in self._sizes:
            self._sizes[name] = len(as_text(value))
        self._left -= self._sizes[name]
        if self._left < 0:
            raise TooLarge(f"the macros of the notification make more than {MAX_FILLED} characters")
        return value

    def value(self, name: str) -> Json:
        """The value behind a name; null when there is none."""
        if name in self._patched:
            return self._patched[name]
        attribute = self.entity.attributes.get(name)
        if attribute is not None:
            return shown_value(attribute)
        identity = self.entity.identity
        return {
            "id": identity.id,
            "type": identity.type,
            "service": identity.tenant,
            "servicePath": shown(identity.path),
            "authToken": "",
        }.get(name)

    def patch(self, name: str, value: Json) -> None:
        """Let a name stand for something else from now on."""
        self._patched[name] = value
        self._sizes.pop(name, None)


def fill_json(template: Json, facts: Facts) -> Json:
    """A JSON value with its macros filled; a string that is one macro becomes the value itself."""
    match template:
        case str():
            whole = MACRO.fullmatch(template)
            return facts.take(whole[1]) if whole else _fill(template, facts, str)
        case list():
            return [fill_json(element, facts) for element in template]
        case dict():
            return {name: fill_json(element, facts) for name, element in template.items()}
        case _:
            return template


def fill_text(template: str, facts: Facts) -> str:
    """Percent-decoded text with its macros filled; what is missing is "null"."""
    return _fill(template, facts, unquote)


def fill_header(template: str, facts: Facts) -> str | None:
    """A header name or value in one line; None when it is nothing but a missing value."""
    whole = MACRO.fullmatch(template)
    if whole and facts.value(whole[1]) is None:
        return None
    return " ".join(fill_text(template, facts).split("\n")).replace("\r", " ").strip()


def fill_url(template: str, facts: Facts) -> str:
    """A URL with its macros filled; what is missing is empty."""
    return substitute(template, _quoted(facts, _URL_SAFE), str)


def fill_query(template: str, facts: Facts) -> str:
    """One name or value of a query string, escaped; what is missing is empty."""
    return substitute(
        template, _quoted(facts, _QUERY_SAFE), lambda text: quote(text, safe=_QUERY_SAFE + "%")
    )


def as_text(value: Json) -> str:
    """A value inside a longer text: strings as they are, everything else as JSON."""
    return value if isinstance(value, str) else dump(value)


def _fill(template: str, facts: Facts, literal: Callable[[str], str]) -> str:
    return substitute(template, lambda name: as_text(facts.take(name)), literal)


def _quoted(facts: Facts, safe: str) -> Callable[[str], str]:
    def quoted(name: str) -> str:
        value = facts.take(name)
        return "" if value is None else quote(as_text(value), safe=safe)

    return quoted
