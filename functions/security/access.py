"""Which scope of the resource server `security` an operation needs, and the rules of all routes.

Each module with routes has a table `RULES` beside them. A scope says which API; whom and what a
caller may administer, its grants say (`caller.access`).
"""

ADMIN = "security/admin"
"""Administration: users, organisations, applications, grants, keys, plans, policies, audit."""
DECIDE = "security/decide"
"""Asking for decisions about others."""
PROFILE = "security/profile"
"""The caller's own profile, export and erasure."""
OPEN = None
"""No token needed; a token that is presented must be valid all the same."""
