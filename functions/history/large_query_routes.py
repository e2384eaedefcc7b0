"""`/history/v1/queries`: what has become of a query that took longer than a request may."""

from fastapi import APIRouter, Response

from city.clock import iso
from city.json import Json, dump
from city.policy import Operation
from city.tenancy import shown
from history.access import READ
from history.facts import CallerFact, TenantFact
from history.reading.large_queries import Standing
from history.reading.queries import Bucket, Instance, Report, Row, Seen
from history.reading.rights import reader
from history.records import Series
from history.services import HistoryServices

router = APIRouter(tags=["Queries"])

ONE = "/history/v1/queries/{id}"

RULES = {("GET", ONE): Operation("query:read", READ, is_public=True)}

RETRY_SECONDS = 2


@router.get(ONE)
async def read_query(
    id: str, caller: CallerFact, tenant: TenantFact, services: HistoryServices
) -> Response:
    """How a query of the caller stands: 202 while it runs, then 200 with its rows or the reason
    why there are none. Whose rights have changed since has to ask the query again."""
    standing = services.large_queries.standing(tenant, reader(caller.access, tenant), id)
    headers = {"Cache-Control": "no-store"}
    if standing.state == "running":
        headers["Retry-After"] = str(RETRY_SECONDS)
    report = standing.answer.report if standing.answer else Report("athena")
    is_narrowed = not caller.access.view(tenant).is_everything
    headers["City-Read"] = (report.narrowed() if is_narrowed else report).header
    status = 202 if standing.state == "running" else 200
    return Response(dump(_standing(id, standing)).encode(), status, headers, "application/json")


def _standing(id: str, standing: Standing) -> dict[str, Json]:
    content: dict[str, Json] = {"id": id, "state": standing.state}
    if standing.reason:
        content["reason"] = standing.reason
    if standing.answer is not None:
        content["rows"] = [_row(row) for row in standing.answer.rows]
        if standing.answer.total is not None:
            content["total"] = standing.answer.total
    return content


def _row(row: Instance | Row | Bucket | Seen) -> Json:
    match row:
        case Instance():
            return {
                **_series(row.series),
                "attribute": row.attribute,
                "attributeType": row.attribute_type,
                "time": iso(row.ts),
                "value": row.value,
                "metadata": row.metadata,
                **({"datasetId": row.dataset} if row.dataset else {}),
                **({"deleted": True} if row.op == "delete" else {}),
            }
        case Row():
            return {**_series(row.series), "time": iso(row.ts), "values": row.values}
        case Bucket():
            return {
                **_series(row.series),
                "attribute": row.attribute,
                "start": None if row.start is None else iso(row.start),
                "end": None if row.end is None else iso(row.end),
                "values": {str(method): value for method, value in row.values.items()},
                **({"datasetId": row.dataset} if row.dataset else {}),
            }
        case Seen():
            return {**_series(row.series), "time": iso(row.ts)}


def _series(series: Series) -> dict[str, Json]:
    return {"type": series.type, "id": series.id, "servicePath": shown(series.path)}
