"""Regular expressions that callers write, run in linear time.

The engine is RE2, so no pattern can make a request hang. Patterns search anywhere in the text,
as POSIX regexec does; "." also matches a line end. RE2 takes POSIX classes ([[:digit:]]) as well
as \\d and \\w, and has neither look-around nor back references.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from city.errors import InvalidPattern

_MAX_BYTES = 1 << 20
"""What one pattern may take; all that are kept must fit a small function."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled regular expression; equal when the source is equal."""

    source: str
    _compiled: Any

    def search(self, text: str) -> bool:
        """Whether any part of the text matches."""
        return self._compiled.search(text) is not None

    def matches_whole(self, text: str) -> bool:
        """Whether the pattern matches the text from its start to its end."""
        return self._compiled.fullmatch(text) is not None


@lru_cache(maxsize=256)
def compile_pattern(source: str) -> Pattern:
    """Compile a pattern, or raise InvalidPattern with the engine's reason."""
    import re2  # noqa: PLC0415 - a native library that most requests do not need

    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    options.max_mem = _MAX_BYTES
    try:
        return Pattern(source, re2.compile(source, options))
    except (re2.error, UnicodeEncodeError) as error:
        raise InvalidPattern(f"invalid regular expression '{source}': {error}") from None
