"""E-mail addresses as people sign in with them: checked, and in one spelling."""

import re

from city.errors import InvalidRequest

MAX_LENGTH = 254
"""Characters of an address (RFC 5321, 4.5.3.1.3)."""

_LOCAL = r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ADDRESS = re.compile(rf"(?=[^@]{{1,64}}@){_LOCAL}@(?:{_LABEL}\.)+{_LABEL}", re.ASCII)


def parse_address(text: object) -> str:
    """The address in lower case, as the user pool compares it. Raises InvalidRequest."""
    # other characters are refused before they are made small: the Kelvin sign becomes a k
    if isinstance(text, str) and len(text) <= MAX_LENGTH and text.isascii():
        address = text.lower()
        if _ADDRESS.fullmatch(address):
            return address
    raise InvalidRequest("Email not valid")
