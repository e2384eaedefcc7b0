"""Charts of what the history answers, as PNG."""

from datetime import date
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.dates import ConciseDateFormatter, date2num
from matplotlib.figure import Figure

from sandbox.demo.city import Postponed
from sandbox.demo.history import Questions, Series
from sandbox.demo.observations import STATIONS

mpl.use("agg")

COLOURS = ("#1f77b4", "#d95f02")


def draw(questions: Questions, directory: Path) -> list[Path]:
    """Ask the history and draw its answers; the files, without those that it postpones."""
    directory.mkdir(parents=True, exist_ok=True)
    charts = {"history-year.png": year, "history-week.png": week, "history-rain.png": rain}
    drawn = []
    for name, chart in charts.items():
        try:
            figure = chart(questions)
        except Postponed:
            continue
        figure.savefig(directory / name, dpi=80, metadata={"Software": None})
        plt.close(figure)
        drawn.append(directory / name)
    return drawn


def year(questions: Questions) -> Figure:
    """The mean of each day, between its coldest and its warmest hour."""
    figure, axes = _chart("Each day of 2010: mean, coldest and warmest hour (°F)")
    for station, colour in zip(STATIONS, COLOURS, strict=True):
        low, mean, high = (
            questions.temperatures(station, method, "day", date(2010, 1, 2), date(2010, 12, 31))
            for method in ("min", "avg", "max")
        )
        axes.fill_between(
            _times(low), list(low.values()), list(high.values()), color=colour, alpha=0.2
        )
        _line(axes, mean, station.city, colour)
    return _done(figure, axes)


def week(questions: Questions) -> Figure:
    """A week by the hour."""
    figure, axes = _chart("A week of July 2010 by the hour (°F, UTC)")
    for station, colour in zip(STATIONS, COLOURS, strict=True):
        found = questions.temperatures(station, "avg", "hour", date(2010, 7, 5), date(2010, 7, 11))
        _line(axes, found, station.city, colour)
    return _done(figure, axes)


def rain(questions: Questions) -> Figure:
    """Four years by the day."""
    figure, axes = _chart("Seattle day by day: coldest to warmest (°C), and precipitation (mm)")
    names = ("dayMinimum", "dayMaximum", "precipitation")
    asked = questions.days(names, date(2012, 1, 1), date(2015, 12, 31))
    low, high = (
        {day: each["temperature"] for day, each in asked[name].items()}
        for name in ("dayMinimum", "dayMaximum")
    )
    wet = asked["precipitation"]
    axes.vlines(
        _times(low), list(low.values()), list(high.values()), color=COLOURS[1], linewidth=0.7
    )
    axes.bar(_times(wet), list(wet.values()), width=1, color=COLOURS[0], label="precipitation")
    return _done(figure, axes)


def _chart(title: str) -> tuple[Figure, Axes]:
    figure, axes = plt.subplots(figsize=(9, 3.2), layout="constrained")
    axes.set_title(title, loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    return figure, axes


def _line(axes: Axes, found: Series, label: str, colour: str) -> None:
    axes.plot(_times(found), list(found.values()), label=label, color=colour, linewidth=1.2)


def _done(figure: Figure, axes: Axes) -> Figure:
    axes.xaxis_date()
    dates = ConciseDateFormatter(axes.xaxis.get_major_locator())  # type: ignore[no-untyped-call]  # matplotlib leaves it so
    axes.xaxis.set_major_formatter(dates)
    axes.legend(frameon=False, loc="upper left", fontsize=9)
    return figure


def _times(found: Series) -> list[float]:
    return [float(date2num(moment)) for moment in found]  # type: ignore[no-untyped-call]  # matplotlib leaves it so
