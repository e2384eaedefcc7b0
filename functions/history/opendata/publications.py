"""Which datasets there are: the types whose history the public may read, seen as the public does.

Nothing here depends on who asks. A type of which the public sees no entity is no dataset: neither
its name nor a record about it can be told from any answer.
"""

from collections.abc import Callable, Iterator

from city.policy.grants import ANY_TENANT, Access, Action, Grant, View
from city.tenancy import EVERYWHERE, Tenant
from history.opendata.dataset import Catalog, Dataset
from history.opendata.names import dataset_id
from history.reading.rights import fingerprint_of
from history.store.datasets import DatasetStore, Publication, Shelf, Written
from history.store.directory import Directory
from models.open_data.catalog import CatalogRecord
from models.open_data.dataset import DatasetRecord

Public = Callable[[], Access]
"""Gives what the public may do now."""


class Publications:
    """The datasets of the city, of all tenants."""

    def __init__(self, directory: Directory, store: DatasetStore, public: Public) -> None:
        self._directory = directory
        self._store = store
        self.public = public

    def catalog(self) -> Catalog:
        """The catalogue as such."""
        return catalog_of(self._store.catalog())

    def every(self) -> list[Dataset]:
        """All datasets, by id."""
        access, catalog = self.public(), self.catalog()
        found = [
            dataset
            for tenant in self._tenants(access)
            for dataset in self._of_tenant(tenant, access, catalog)
        ]
        return sorted(found, key=lambda dataset: dataset.id)

    def find(self, id: str) -> Dataset | None:
        """The dataset with an id."""
        access = self.public()
        for tenant in self._tenants(access):
            for type in self._directory.types(tenant):
                if dataset_id(tenant, type) == id:
                    return self._find(tenant, type, access)
        return None

    def of_type(self, tenant: Tenant, type: str) -> Dataset | None:
        """The dataset that a type is, if it is one."""
        if type not in self._directory.types(tenant):
            return None
        return self._find(tenant, type, self.public())

    def _find(self, tenant: Tenant, type: str, access: Access) -> Dataset | None:
        if not self._is_seen(access, tenant, type):
            return None
        record = self._store.find(tenant, type)
        published = self._store.publication(tenant, type)
        view = fingerprint(access, tenant, type)
        return dataset_of(tenant, type, self.catalog(), record, _under(view, published))

    def _of_tenant(self, tenant: Tenant, access: Access, catalog: Catalog) -> Iterator[Dataset]:
        seen = [t for t in self._directory.types(tenant) if self._is_seen(access, tenant, t)]
        shelf = self._store.of_tenant(tenant) if seen else Shelf({}, {})
        for type in seen:
            view = fingerprint(access, tenant, type)
            published = _under(view, shelf.publications.get(type))
            yield dataset_of(tenant, type, catalog, shelf.records.get(type), published)

    def _tenants(self, access: Access) -> list[Tenant]:
        named = {grant.tenant for grant in access.grants}
        if access.is_unlimited or ANY_TENANT in named:
            return self._directory.tenants()
        return [Tenant(tenant) for tenant in sorted(named)]

    def _is_seen(self, access: Access, tenant: Tenant, type: str) -> bool:
        """Whether the public sees any entity of a type that is in the directory."""
        view = access.view(tenant)
        if view.is_nothing or (view.types is not None and type not in view.types):
            return False
        if view.is_everything or _covers_type(access, tenant, type):
            return True
        return self._sees_any(view, tenant, type)

    def _sees_any(self, view: View, tenant: Tenant, type: str) -> bool:
        return any(
            view.sees(series.id, type, series.path)
            for series in self._directory.of_type(tenant, type)
        )


def fingerprint(access: Access, tenant: Tenant, type: str) -> str:
    """What the public sees of a type, as a short text: equal texts mean the same view.

    It is of the grants in force about the type, so one that begins or ends changes it as well.
    """
    if access.is_unlimited:
        return "everything"
    return fingerprint_of(_grants_about(access, tenant, type))


def catalog_of(written: Written | None) -> Catalog:
    """The catalogue with the record that was written, if any."""
    if written is None:
        return Catalog(CatalogRecord())
    return Catalog(CatalogRecord.model_validate(written.record), written.at)


def dataset_of(
    tenant: Tenant,
    type: str,
    catalog: Catalog,
    written: Written | None,
    publication: Publication | None = None,
) -> Dataset:
    """The dataset that a type is, with the record that was written about it, if any."""
    if written is None:
        return Dataset(tenant, type, DatasetRecord(), catalog, 0, publication)
    record = DatasetRecord.model_validate(written.record)
    return Dataset(tenant, type, record, catalog, written.at, publication)


def _under(view: str, publication: Publication | None) -> Publication | None:
    """A publication, if it is of what the public sees now."""
    return publication if publication and publication.view == view else None


def _grants_about(access: Access, tenant: Tenant, type: str) -> list[Grant]:
    return [
        grant
        for grant in access.in_force(Action.READ, tenant)
        if grant.types is None or type in grant.types
    ]


def _covers_type(access: Access, tenant: Tenant, type: str) -> bool:
    """Whether every entity of the type is seen, so that none has to be looked up."""
    grants = _grants_about(access, tenant, type)
    allowed = any(not g.deny and not g.names_ids and g.path == EVERYWHERE[0] for g in grants)
    return allowed and not any(grant.deny for grant in grants)
