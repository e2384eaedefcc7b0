"""Conditional requests (RFC 9110 §13): a change says which state of the thing it is about.

A change of something that is there needs `If-Match` with its entity tag, or `*` to overwrite
whatever it is. `If-None-Match: *` lets a PUT create only.
"""

from dataclasses import dataclass

from city.errors import InvalidRequest, Stale, Unconditional

ANY = "*"


@dataclass(frozen=True, slots=True)
class Preconditions:
    """The two headers as they came; None is absent."""

    if_match: str | None = None
    if_none_match: str | None = None

    def check(self, version: int | None, *, required: bool = True) -> None:
        """Raise Stale or Unconditional unless the version may be changed; None is nothing there."""
        if self.if_none_match is not None:
            if self.if_none_match.strip() != ANY:
                raise InvalidRequest("If-None-Match takes * only")
            if version is not None:
                raise Stale("it exists already")
        if self.if_match is not None:
            if version is None or not _names(self.if_match, version):
                raise Stale("it has changed since: read it again and repeat with its ETag")
        elif version is not None and required:
            raise Unconditional("say what is changed: If-Match with its ETag, or *")


def entity_tag(version: int) -> str:
    """The `ETag` of a version."""
    return f'"{version}"'


def _names(header: str, version: int) -> bool:
    tags = [tag.strip() for tag in header.split(",")]
    return ANY in tags or entity_tag(version) in tags
