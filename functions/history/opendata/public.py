"""What the public may do now, whoever asks."""

from city.clock import Clock
from city.policy.accounts import Accounts, everybodys
from city.policy.grants import PUBLIC_ID, UNLIMITED, Access


class PublicAccess:
    """Reads the account of the public, or remembers it as long as policies do.

    With `is_open` everything is public, as in a sandbox that asks for no tokens.
    """

    def __init__(self, accounts: Accounts, clock: Clock, *, is_open: bool = False) -> None:
        self._accounts = accounts
        self._clock = clock
        self._is_open = is_open

    def __call__(self) -> Access:
        """The access of the public. Raises Unavailable, never guesses."""
        if self._is_open:
            return UNLIMITED
        account = self._accounts.find((PUBLIC_ID,)).get(PUBLIC_ID)
        return Access(PUBLIC_ID, everybodys(account), self._clock())
