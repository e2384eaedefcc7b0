"""Which scope of the resource server `security` an operation needs, and the rules of all routes.

Each module with routes has a table `RULES` beside them. A scope says which API; whom and what a
caller may administer, its grants say (`caller.access`).
"""

from collections.abc import Iterable, Mapping

from city.policy import Operation

ADMIN = "security/admin"
"""Administration: users, organisations, applications, grants, keys, plans, policies, audit."""
DECIDE = "security/decide"
"""Asking for decisions about others."""
PROFILE = "security/profile"
"""The caller's own profile, export and erasure."""
OPEN = None
"""No token needed; a token that is presented must be valid all the same."""

RuleTable = Mapping[tuple[str, str], Operation]


def merged(tables: Iterable[RuleTable]) -> dict[tuple[str, str], Operation]:
    """One table of all rules. Raises ValueError for an operation that has two."""
    rules: dict[tuple[str, str], Operation] = {}
    for table in tables:
        if twice := rules.keys() & table.keys():
            raise ValueError(f"two rules for {sorted(twice)}")
        rules |= table
    return rules
