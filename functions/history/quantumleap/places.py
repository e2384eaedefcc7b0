"""Geographical conditions: `georel`, `geometry` and `coords`, latitude first, as in NGSI-v2."""

import re

from city.errors import InvalidRequest
from city.geography import Geometry, Position, box, check_polygons, check_position
from history.quantumleap.refusals import Refused, WrongForm
from history.reading.queries import Place

SHAPES = ("point", "line", "polygon", "box")

_NUMBER = r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?"
_SIGNED = rf"[+-]?{_NUMBER}"
_COORDS = re.compile(rf"{_SIGNED},{_SIGNED}(?:;{_SIGNED},{_SIGNED})*\Z")
_GEOREL = re.compile(
    rf"(?P<relation>coveredBy|intersects|equals|disjoint)\Z"
    rf"|near(?P<distances>(?:;maxDistance:{_NUMBER}(?:;minDistance:{_NUMBER})?"
    rf"|;minDistance:{_NUMBER}(?:;maxDistance:{_NUMBER})?))\Z"
)


def check_forms(georel: str | None, geometry: str | None, coords: str | None) -> None:
    """Raise WrongForm for a part that the API's description does not allow, whatever the others."""
    if georel is not None and not _GEOREL.match(georel):
        raise WrongForm(
            f"georel: '{georel}' is none of coveredBy, intersects, equals, disjoint, "
            "near;maxDistance:METRES and near;minDistance:METRES"
        )
    if geometry is not None and geometry not in SHAPES:
        raise WrongForm(f"geometry: '{geometry}' is not one of {list(SHAPES)}")
    if coords is not None and not _COORDS.match(_repaired(coords)):
        raise WrongForm(f"coords: '{coords}' is not latitude,longitude in degrees, joined by ;")


def read_place(georel: str | None, geometry: str | None, coords: str | None) -> Place | None:
    """The condition, or None without any of its parts; `check_forms` has passed.

    Raises Refused: 400 when a part is missing or they do not make a shape on the earth, 422 for
    the relation equals, which QuantumLeap does not answer.
    """
    if georel is None and geometry is None and coords is None:
        return None
    if not (georel and geometry and coords):
        raise _invalid("georel, geometry and coords go together")
    found = _GEOREL.match(georel)
    relation = found["relation"] if found else None
    if relation == "equals":
        raise Refused(422, "NotSupportedQuery", "This geographical query is not supported")
    try:
        reference = _shape(geometry, [_position(pair) for pair in _repaired(coords).split(";")])
        check_polygons(reference)
    except InvalidRequest as error:
        raise _invalid(str(error)) from None
    return _near(georel, reference) if relation is None else _related(relation, reference)


def _related(relation: str, reference: Geometry) -> Place:
    match relation:
        case "coveredBy":
            return Place("coveredBy", reference)
        case "intersects":
            return Place("intersects", reference)
        case _:
            return Place("disjoint", reference)


def _near(georel: str, reference: Geometry) -> Place:
    if reference.kind != "Point":
        raise _invalid("near goes with the geometry point")
    distances = dict(part.split(":") for part in georel.split(";")[1:])
    metres = {name: float(number) for name, number in distances.items()}
    return Place("near", reference, metres.get("minDistance"), metres.get("maxDistance"))


def _shape(geometry: str, positions: list[Position]) -> Geometry:
    match geometry:
        case "point":
            return Geometry("Point", positions[0])
        case "line" if len(positions) >= 2:
            return Geometry("LineString", tuple(positions))
        case "box" if len(positions) == 2:
            return box(positions[0], positions[1])
        case "polygon" if len(positions) >= 4 and positions[0] == positions[-1]:
            return Geometry("Polygon", (tuple(positions),))
        case "polygon":
            raise InvalidRequest(
                "a polygon has at least 4 coordinates, of which the last is the first"
            )
        case _:
            raise InvalidRequest(f"{len(positions)} coordinates make no {geometry}")


def _position(pair: str) -> Position:
    latitude, longitude = map(float, pair.split(","))
    return check_position((longitude, latitude))


def _repaired(coords: str) -> str:
    """The coordinates with the `+` that an URL made a blank."""
    return coords.replace(" ", "+")


def _invalid(reason: str) -> Refused:
    return Refused(400, "ValueError", f"Invalid geographical query parameters: {reason}")
