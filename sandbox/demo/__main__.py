"""The command: `python -m sandbox.demo --help`."""

import time
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column

from cli import stack, tokens
from sandbox.demo.city import TENANT, City, Refused
from sandbox.demo.feed import DailyFeed, HourlyFeed
from sandbox.demo.history import Questions, YearFeed
from sandbox.demo.observations import STATIONS, Station
from sandbox.demo.receiver import Moment, Receiver
from sandbox.demo.summary import Figures, print_figures, queries
from sandbox.options import Options

COLUMNS = (
    TextColumn("{task.description}", table_column=Column(width=40)),
    BarColumn(),
    MofNCompleteColumn(),
    TimeElapsedColumn(),
)
CHARTS = 3
ARCHIVED = 180.0
"""Seconds in which the history must have what the context has taken."""

PATIENCE = 30.0
"""Seconds without an arrival after which missing notifications are given up."""


class Show:
    """The progress bars."""

    def __init__(self, progress: Progress, hourly: HourlyFeed, daily: DailyFeed, due: int) -> None:
        self._progress = progress
        self._stations = {
            station: progress.add_task(f"{station.city}, hour by hour", total=len(observations))
            for station, observations in hourly.readings.items()
        }
        self._days = progress.add_task("Seattle, day by day", total=len(daily.entities))
        self._bell = progress.add_task("Notifications", total=due)
        self._names = {station.id: station.city for station in STATIONS}

    def hour(self, station: Station) -> None:
        self._progress.advance(self._stations[station])

    def days(self, count: int) -> None:
        self._progress.advance(self._days, count)

    def notification(self, entity: dict[str, Any]) -> None:
        latest = f"Notified: {entity['temperature']} °F in {self._names[entity['id']]}"
        self._progress.update(self._bell, advance=1, description=latest)


def measure(city: City, limit: int, threshold: float, progress: Progress) -> Figures:
    """Feed the city with a subscription in place, and wait for what it must notify."""
    hourly, daily = HourlyFeed(limit), DailyFeed()
    due = hourly.due(threshold)
    show = Show(progress, hourly, daily, len(due))
    city.clear()
    with (
        Receiver(show.notification) as receiver,
        city.subscription(receiver.url, threshold) as path,
    ):
        update_seconds = hourly.run(city, show.hour)
        day_seconds = daily.run(city, show.days)
        await_arrivals(receiver, due)
        return Figures(
            updates=len(hourly.sent),
            update_seconds=update_seconds,
            days=len(daily.entities),
            day_seconds=day_seconds,
            due=len(due),
            sent=city.times_sent(path, len(due)),
            received=len(receiver.arrivals),
            repeats=receiver.repeats,
            delays=[arrival - hourly.sent[hour] for hour, arrival in receiver.arrivals.items()],
        )


def await_arrivals(receiver: Receiver, due: set[Moment]) -> None:
    """Returns when every due notification has come, or none came for a while."""
    latest = time.perf_counter()
    while due - receiver.arrivals.keys() and time.perf_counter() - latest < PATIENCE:
        time.sleep(0.05)
        latest = max([latest, *receiver.arrivals.values()])


def remember(city: City, limit: int, charts: Path, console: Console) -> None:
    """Fill a year of the past, ask for it, and draw the answers."""
    feed = YearFeed(limit)
    with Progress(*COLUMNS, console=console) as progress:
        bar = progress.add_task("A year of the past, by date of observation", total=feed.total)
        seconds = feed.run(city, lambda count: progress.advance(bar, count))
    console.print(f"{feed.total} readings recorded in {seconds:.1f} s")
    from sandbox.demo.charts import draw  # noqa: PLC0415 - the charts' library takes a second

    questions = Questions(city)
    started = time.perf_counter()
    questions.await_day(DailyFeed().entities[-1], ARCHIVED)
    console.print(f"Four years of days in the history {time.perf_counter() - started:.1f} s later")
    started = time.perf_counter()
    files = draw(questions, charts)
    console.print(f"Charts, asked month by month, in {time.perf_counter() - started:.1f} s:")
    if len(files) < CHARTS:
        console.print("  The history was too busy for some; once it has compacted, ask again.")
    for file in files:
        console.print(f"  {file}")


def main(
    *,
    city: Annotated[
        str, typer.Option(envvar="CITY", help="Where the city answers.")
    ] = Options.from_environment().url,
    hours: Annotated[
        int,
        typer.Option(envvar="HOURS", min=1, max=8759, help="Hours of each station's year to send."),
    ] = 500,
    threshold: Annotated[
        float, typer.Option(help="Notify above this many degrees Fahrenheit.")
    ] = 50,
    token: Annotated[
        str,
        typer.Option(
            envvar="TOKEN", help="Access token; without one the local city is asked for it."
        ),
    ] = "",
    past: Annotated[
        int,
        typer.Option(envvar="PAST", min=24, max=8759, help="Hours of the year for the history."),
    ] = 8759,
    charts: Annotated[
        Path, typer.Option(envvar="CHARTS", help="Where charts of the history are saved.")
    ] = Path("build/demo"),
) -> None:
    """Feed a running city the weather of Seattle and San Francisco and watch it notify.

    The receiver of the notifications is on this machine's loopback, which only a local city reaches.
    """
    console = Console(soft_wrap=True)
    console.print(
        f"{hours} hours of two stations, one update each, then 1461 days in batches, to {city}. "
        "HOURS=8759 sends the whole year."
    )
    try:
        httpx.get(f"{city}/version", timeout=30)
        token = token or tokens.token(stack.find(None))
        weather = City(city, token)
        with Progress(*COLUMNS, console=console) as progress:
            figures = measure(weather, hours, threshold, progress)
        print_figures(console, figures)
        remember(weather, past, charts, console)
    except httpx.ConnectError:
        raise SystemExit(
            f"No city answers at {city}. Start one with `make run` in another terminal."
        ) from None
    except (Refused, httpx.HTTPError) as error:
        raise SystemExit(f"The city did not take the demo's request. {error}") from None
    print(f"\nQueries to try:\n\n{queries(city, TENANT)}")
    if not figures.complete:
        raise SystemExit("Not every notification that was due arrived.")


if __name__ == "__main__":
    typer.run(main)
