"""What a service can refuse, independent of any API's error format.

CityError
├── InvalidRequest      400  the request is malformed; the message names the field
│   ├── Malformed       400  the body cannot be read as the JSON this operation takes
│   └── InvalidPattern  400  a regular expression does not compile
├── Unauthenticated     401  no credential, or one that is not accepted
├── Forbidden           403  the caller is known and may not do this
├── NotFound            404
├── Ambiguous           409  several things match where one is needed
├── Unprocessable       422  well-formed, but impossible in the present state
│   ├── AlreadyExists   422
│   ├── PartialUpdate   422  a part of the request was applied
│   └── TooComplex      422  answering would read more than the query budget
├── Stale               412  the thing is not in the state that the caller's condition names
├── TooLarge            413  the result would pass a limit of the store
├── Unconditional       428  the caller must say which state of the thing it changes
├── Unsupported         501  a part of the standard that is not offered
├── Contended           503  the item is written too often; try again
└── Unavailable         503  a service we depend on refuses or throttles; try again

Each API maps these classes to its own status, name and body; no service knows a wire format.
"""


class CityError(Exception):
    """Base of all refusals. `str(error)` is the message shown to the caller."""


class InvalidRequest(CityError):
    """The request itself is wrong; nothing was changed."""


class Malformed(InvalidRequest):
    """The body is not JSON, or not JSON of the outer shape the operation takes."""


class InvalidPattern(InvalidRequest):
    """A regular expression of the caller does not compile."""


class Unauthenticated(CityError):
    """There is no credential, or it is not valid."""


class Forbidden(CityError):
    """The caller is authenticated and has no grant for this."""


class NotFound(CityError):
    """The addressed thing does not exist (for this caller)."""


class Ambiguous(CityError):
    """More than one thing matches; the caller must narrow the request."""


class Unprocessable(CityError):
    """The request is well-formed but contradicts the present state."""


class AlreadyExists(Unprocessable):
    """The thing to create exists."""


class PartialUpdate(Unprocessable):
    """Some of the request was applied; the message names what was not."""


class TooComplex(Unprocessable):
    """Answering would read more than the query budget allows."""


class Stale(CityError):
    """The thing is not in the state that the caller's condition names; nothing was changed."""


class Unconditional(CityError):
    """The change would overwrite what the caller may not have seen; a condition is needed."""


class TooLarge(CityError):
    """The result of the request would not fit a limit of the store."""


class Unsupported(CityError):
    """The standard has it, this product does not offer it; nothing was changed."""


class Contended(CityError):
    """Too many writers met on one item; the caller may try again."""


class Unavailable(CityError):
    """A service behind this one throttles or fails; the caller may try again."""
