"""Which scope of the resource server `history` an operation needs.

Each module with routes has a table `RULES` beside them. A scope says which API; what a caller may
see and change of the history, its grants say (`caller.access`).
"""

READ = "history/read"
"""Queries and exports."""
WRITE = "history/write"
"""Notifications of other brokers."""
DELETE = "history/delete"
"""Deletion of what was recorded."""
ADMIN = "history/admin"
"""Retention, and what editors say about datasets."""
OPEN = None
"""No token needed; a token that is presented must be valid all the same."""
