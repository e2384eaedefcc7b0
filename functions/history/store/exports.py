"""Exports that were ordered, and what became of them.

| `k` | row | pk | sk | members |
|---|---|---|---|---|
| J | job | `jobs·{tenant}·{owner}` | `{id}` | `attempt`, `state`, `order`, `name`, `file`, `selection`, `created`, `updated`, `share` (of 1000), `rows`, `size`, `reason`, `exp` |

The id is made of the order, so the same order of the same owner is the same row; each time it is built
anew it has another `attempt`. Writes of the worker are for one attempt: of another they fail.

Request units: `find` 1 read; `put`, `note`, `finish` and `delete` 1 to 2 write (rows with many ids are
larger); `page` 1 read per 4 KB.
"""

from dataclasses import dataclass
from typing import Literal, cast

from city.clock import SECOND, Clock
from city.dynamodb import ConditionFailed, Row, Value
from city.keys import key, split
from city.table import Change, Condition, Table
from city.tenancy import Tenant

State = Literal["queued", "running", "done", "failed"]

_THOUSAND = 1000
_SAME = "attempt = :attempt"


class Superseded(Exception):
    """The job was deleted or begun anew; whoever works on the old attempt may stop."""


@dataclass(frozen=True, slots=True)
class Address:
    """One attempt of a job of an owner."""

    tenant: Tenant
    owner: str
    id: str
    attempt: str

    def dump(self) -> str:
        """The address as a task has it."""
        return key(self.tenant, self.owner, self.id, self.attempt)

    @classmethod
    def parse(cls, text: str) -> "Address":
        """What `dump` made. Raises ValueError."""
        tenant, owner, id, attempt = split(text)
        return cls(Tenant(tenant), owner, id, attempt)


@dataclass(frozen=True, slots=True)
class Job:
    """An export: `order` as JSON, the keys of its `file` and `selection`; times in microseconds.

    `share` is how much is done, from 0 to 1; `ends` is when row and file are gone.
    """

    address: Address
    order: str
    name: str
    file: str
    selection: str
    created: int
    updated: int
    ends: int
    state: State = "queued"
    share: float = 0.0
    rows: int = 0
    size: int = 0
    reason: str = ""


class ExportStore:
    """Jobs in the history table; safe for threads."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def find(self, tenant: Tenant, owner: str, id: str) -> Job | None:
        """A job of an owner, as its last attempt stands."""
        row = self._table.get(_partition(tenant, owner), id)
        return _job_of(row) if row else None

    def page(
        self, tenant: Tenant, owner: str, limit: int, after: str | None
    ) -> tuple[list[Job], str | None]:
        """Some jobs of an owner in the order of their ids, and where the next page begins."""
        page = self._table.query(_partition(tenant, owner), limit=limit, after=after)
        return [_job_of(row) for row in page.rows], page.after

    def put(self, job: Job, instead: Job | None) -> bool:
        """Write a job, in the place of an older attempt; False when somebody else was faster."""
        condition = self._is_new() if instead is None else _of(instead.address)
        try:
            self._table.put(_row_of(job), condition)
        except ConditionFailed:
            return False
        return True

    def start(self, address: Address) -> Job:
        """The job, from now on running. Raises Superseded."""
        return self._update(address, state="running", share=0)

    def note(self, address: Address, share: float, rows: int) -> None:
        """Say how far the work is. Raises Superseded."""
        self._update(address, share=round(share * _THOUSAND), rows=rows)

    def finish(self, address: Address, rows: int, size: int) -> None:
        """Say that the file is there. Raises Superseded."""
        self._update(address, state="done", share=_THOUSAND, rows=rows, size=size)

    def fail(self, address: Address, reason: str) -> None:
        """Say that there will be no file, and why. Raises Superseded."""
        self._update(address, state="failed", reason=reason)

    def delete(self, job: Job) -> None:
        """Take a job away, whatever its attempt."""
        self._table.delete(_partition(job.address.tenant, job.address.owner), job.address.id)

    def _is_new(self) -> Condition:
        """There is no row, or one that has expired and waits to be deleted."""
        now = self._clock() // SECOND
        return Condition("attribute_not_exists(pk) OR #exp <= :now", {":now": now}, {"#exp": "exp"})

    def _update(self, address: Address, **members: Value) -> Job:
        members["updated"] = self._clock()
        change = Change(
            "SET " + ", ".join(f"#{name} = :{name}" for name in members),
            {f":{name}": value for name, value in members.items()},
            {f"#{name}": name for name in members},
        )
        pk = _partition(address.tenant, address.owner)
        try:
            return _job_of(self._table.update(pk, address.id, change, _of(address)))
        except ConditionFailed as failed:
            raise Superseded from failed


def _partition(tenant: Tenant, owner: str) -> str:
    return key("jobs", tenant, owner)


def _of(address: Address) -> Condition:
    return Condition(_SAME, {":attempt": address.attempt})


def _row_of(job: Job) -> Row:
    address = job.address
    return {
        "pk": _partition(address.tenant, address.owner),
        "sk": address.id,
        "k": "J",
        "attempt": address.attempt,
        "state": job.state,
        "order": job.order,
        "name": job.name,
        "file": job.file,
        "selection": job.selection,
        "created": job.created,
        "updated": job.updated,
        "share": round(job.share * _THOUSAND),
        "rows": job.rows,
        "size": job.size,
        "reason": job.reason,
        "exp": job.ends // SECOND,
    }


def _job_of(row: Row) -> Job:
    _, tenant, owner = split(str(row["pk"]))
    numbers = {name: cast("int", row[name]) for name in ("created", "updated", "rows", "size")}
    return Job(
        Address(Tenant(tenant), owner, str(row["sk"]), str(row["attempt"])),
        order=str(row["order"]),
        name=str(row["name"]),
        file=str(row["file"]),
        selection=str(row["selection"]),
        ends=cast("int", row["exp"]) * SECOND,
        state=cast("State", row["state"]),
        share=cast("int", row["share"]) / _THOUSAND,
        reason=str(row["reason"]),
        **numbers,
    )
