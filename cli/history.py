"""`city history`: what is kept, compacting it now, and erasing an entity from it."""

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from city.clock import now
from city.errors import CityError
from city.table import Table
from city.tenancy import Tenant, parse_tenant
from cli import stack
from cli.administration import OPERATOR
from cli.stack import StackName
from history.keeping.agenda import Agenda
from history.keeping.deletions import Deletions
from history.store.directory import Directory
from history.store.ledger import Ledger
from history.store.merges import Merges
from history.store.retention import RetentionStore
from history.store.tasks import TaskQueue

if TYPE_CHECKING:
    from cli.stack import Stack

history = typer.Typer(no_args_is_help=True)

TenantName = Annotated[str, typer.Option("--tenant", help='Tenant; "" is the default one.')]

_EVER = date(1, 1, 1), date(9999, 12, 31)
_MEGABYTE = 1_000_000


@history.command()
def status(tenant: TenantName = "", name: StackName = None) -> None:
    """Show the types of a tenant: days, files, bytes, and what waits to be done."""
    table, chosen = _table(stack.find(name)), _tenant(tenant)
    ledger, waiting = Ledger(table, now), _waiting(table, chosen)
    for type in Directory(table, now).types(chosen):
        holdings = ledger.days(chosen, type, *_EVER, months=True)
        days = holdings.days
        files = [file for day in days for file in day.files]
        size = sum(file.size for file in files) / _MEGABYTE
        span = f"{days[0].date} to {days[-1].date}" if days else "nothing"
        typer.echo(
            f"{type}: {span}; {len(days)} days ({sum(day.clean for day in days)} complete), "
            f"{len(files)} files, {size:.1f} MB, {sum(file.rows for file in files)} records, "
            f"{len(holdings.months)} month rollups, {len(holdings.deletions)} deletions, "
            f"{waiting[type]} marks"
        )


@history.command()
def compact(name: StackName = None) -> None:
    """Queue now what the schedule would queue: days and months to merge, deletions, retention."""
    city = stack.find(name)
    table = _table(city)
    agenda = Agenda(
        Merges(table, now), Directory(table, now), RetentionStore(table, now), _queue(city), now
    )
    typer.echo(f"{agenda.queue()} tasks queued")


@history.command()
def erase(
    id: Annotated[str, typer.Argument(help="Id of the entity.")],
    tenant: TenantName = "",
    name: StackName = None,
) -> None:
    """Erase the whole history of an entity, of whatever type and at whatever path."""
    city = stack.find(name)
    table, chosen = _table(city), _tenant(tenant)
    types = sorted({one.type for one in Directory(table, now).of_id(chosen, id)})
    if not types:
        raise typer.BadParameter("there is no history of this entity")
    deletions = Deletions(Merges(table, now), _queue(city), now)
    deletion = deletions.request(chosen, types, ids=[id], by=OPERATOR)
    typer.echo(f"Deletion {deletion.id} is in force for {', '.join(types)}; files follow.")


def _waiting(table: Table, tenant: Tenant) -> Counter[str]:
    """How many things there are to do, by type."""
    return Counter(work.type for work in Merges(table, now).work() if work.tenant == tenant)


def _table(city: "Stack") -> Table:
    return Table(city.session.client("dynamodb"), city.outputs["HistoryTableName"], now)


def _queue(city: "Stack") -> TaskQueue:
    return TaskQueue(city.session.client("sqs"), city.outputs["HistoryTaskQueueUrl"])


def _tenant(name: str) -> Tenant:
    try:
        return parse_tenant(name)
    except CityError as refusal:
        raise typer.BadParameter(str(refusal)) from refusal
