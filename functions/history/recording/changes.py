"""What one step of an entity adds to its history: a record for each attribute that it touched."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from city.document import Attribute, Entity
from city.errors import CityError
from city.geography import Geometry
from city.json import Json, dump
from city.locations import location_of
from city.tenancy import Tenant
from history.recording.observation import Observation, late_until, observed, time_of_write
from history.records import MILLISECOND, Record, Series, TsSource, whole_millisecond

ENTITY = ""
"""The name of the attribute in the record of an entity's end."""


class Change(NamedTuple):
    """The records of one step; see `history.recording.observation.late_until`."""

    tenant: Tenant
    series: Series
    records: Sequence[Record]
    late_until: int


class Whereabouts(NamedTuple):
    """A place as records have it: a position, and the shape when it is more than that."""

    position: tuple[float, float] | None
    shape: str


NOWHERE = Whereabouts(None, "")


def change_between(old: Entity | None, new: Entity | None, at: int) -> Change:
    """What the step from one version to the next adds; `at` (µs) is about when it was made.

    A new entity in the place of an expired one first ends that one.
    """
    present = new or old
    assert present is not None, "a step has at least one version"
    ended = old is not None and (new is None or old.expired(new.modified))
    records: list[Record] = []
    if old is not None and ended:
        records.append(_end_of(old, new.modified if new else at))
    if new is not None:
        records += _written(None if ended else old, new)
    late = 0 if old is None else late_until(old, None if ended else new)
    return Change(
        present.identity.tenant,
        series_of(present),
        records,
        max(late, records[0].ts) if ended else late,
    )


def series_of(entity: Entity) -> Series:
    """The entity as history knows it."""
    return Series(entity.identity.type, entity.identity.id, entity.identity.path)


def whereabouts(attributes: Mapping[str, Attribute]) -> Whereabouts:
    """Where the entity is; of a shape its middle. Nowhere if the location cannot be read."""
    try:
        location = location_of(attributes)
    except CityError:
        return NOWHERE
    return NOWHERE if location is None else _whereabouts(location)


def plain_metadata(metadata: Mapping[str, Attribute]) -> dict[str, Json]:
    """Metadata as records have it."""
    plain: dict[str, Json] = {}
    for name, member in metadata.items():
        plain[name] = {"type": member.type, "value": member.value}
        if member.metadata:
            plain[name] |= {"metadata": plain_metadata(member.metadata)}  # type: ignore[operator]  # it is the dict above
    return plain


def _whereabouts(location: Geometry) -> Whereabouts:
    if location.kind == "Point":
        return Whereabouts(location.coordinates, "")
    west, south, east, north = location.bounds
    return Whereabouts(((west + east) / 2, (south + north) / 2), dump(location.geojson()))


def _end_of(old: Entity, at: int) -> Record:
    """An entity ends when it expires, or when it was deleted, which is after its last write."""
    moment = whole_millisecond(max(at, old.modified + MILLISECOND))
    source: TsSource = "modified"
    if old.expires is not None and old.expires <= max(at, old.modified):
        moment, source = whole_millisecond(old.expires), "expires"
    place = whereabouts(old.attributes)
    return Record(
        series=series_of(old),
        attribute=ENTITY,
        attribute_type="",
        ts=moment,
        ts_source=source,
        modified=moment,
        ingested=moment,
        seq=old.version,
        op="delete",
        value=None,
        position=place.position,
        shape=place.shape,
    )


def _written(old: Entity | None, new: Entity) -> Iterator[Record]:
    version = _Version(new, time_of_write(new), whereabouts(new.attributes))
    before = old.attributes if old else {}
    touched = set(new.write.touched) if old else new.attributes.keys()
    for index, (name, attribute) in enumerate(new.attributes.items()):
        if name in touched:
            for dataset, instance in _instances(before.get(name), attribute, new.modified):
                yield version.set(name, dataset, instance, index)
    for name, attribute in before.items():
        for dataset, instance in _gone(attribute, new.attributes.get(name)):
            yield version.delete(name, dataset, instance)


class _Version(NamedTuple):
    """A version of an entity that makes records: when its write was, and where it is."""

    entity: Entity
    write: Observation
    place: Whereabouts

    def set(self, name: str, dataset: str, attribute: Attribute, index: int) -> Record:
        moment = observed(attribute, self.write, dated=name not in self.entity.write.undated)
        return Record(
            series=series_of(self.entity),
            attribute=name,
            attribute_type=attribute.type,
            ts=moment.ts,
            ts_source=moment.source,
            modified=self.entity.modified,
            ingested=self.entity.modified,
            seq=self.entity.version,
            op="set",
            value=attribute.value,
            metadata=plain_metadata(attribute.metadata),
            dataset=dataset,
            position=self.place.position,
            shape=self.place.shape,
            index=index,
        )

    def delete(self, name: str, dataset: str, attribute: Attribute) -> Record:
        return Record(
            series=series_of(self.entity),
            attribute=name,
            attribute_type=attribute.type,
            ts=whole_millisecond(self.entity.modified),
            ts_source="modified",
            modified=self.entity.modified,
            ingested=self.entity.modified,
            seq=self.entity.version,
            op="delete",
            value=None,
            dataset=dataset,
            position=self.place.position,
            shape=self.place.shape,
        )


def _instances(old: Attribute | None, new: Attribute, now: int) -> Iterator[tuple[str, Attribute]]:
    """The instances of a touched attribute, by dataset; of several only those that were written."""
    if not new.instances:
        yield "", new
        return
    before = _by_dataset(old) if old else {}
    for dataset, instance in _by_dataset(new).items():
        present = before.get(dataset)
        if not present or instance.modified == now or not present.same_content(instance):
            yield dataset, instance


def _gone(old: Attribute, new: Attribute | None) -> Iterator[tuple[str, Attribute]]:
    left = _by_dataset(new) if new else {}
    return ((dataset, one) for dataset, one in _by_dataset(old).items() if dataset not in left)


def _by_dataset(attribute: Attribute) -> dict[str, Attribute]:
    if not attribute.instances:
        return {"": attribute}
    return {"": replace(attribute, instances={}), **attribute.instances}
