"""What is done for people besides administering users and organisations, made when first needed."""

from functools import cached_property
from typing import TYPE_CHECKING

from security.people.erasure import Erasures
from security.people.profiles import Profiles
from security.people.registrations import Registrations
from security.store.keys import KeyStore
from security.store.registrations import RegistrationStore

if TYPE_CHECKING:
    from security.services import Services


class PeopleServices:
    """What the routes about people call."""

    def __init__(self, services: "Services") -> None:
        self._services = services

    @cached_property
    def profiles(self) -> Profiles:
        """Users as they see themselves."""
        services = self._services
        return Profiles(services.table, services.users, services.organisations, services.accounts)

    @cached_property
    def erasures(self) -> Erasures:
        """Erasing users."""
        services = self._services
        keys = KeyStore(services.table)
        return Erasures(services.table, services.directory, services.accounts, keys, services.clock)

    @cached_property
    def registrations(self) -> Registrations:
        """People who want to be users."""
        services = self._services
        store = RegistrationStore(services.table)
        return Registrations(store, services.users, services.organisations, services.clock)
