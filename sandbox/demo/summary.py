"""What the demo measured, and what to ask the city next."""

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from sandbox.demo.observations import SAN_FRANCISCO, TYPE


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds throughout. `delays` has one entry per notification received: update sent → webhook."""

    updates: int
    update_seconds: float
    days: int
    day_seconds: float
    due: int
    sent: int
    received: int
    repeats: int
    delays: list[float]

    @property
    def complete(self) -> bool:
        """Every notification that was due was sent, and arrived."""
        return self.due == self.sent == self.received

    def percentile(self, percent: int) -> str:
        if not self.delays:
            return "none came"
        ranked = sorted(self.delays)
        return f"{ranked[round((len(ranked) - 1) * percent / 100)] * 1000:.0f} ms"

    def rows(self) -> list[tuple[str, str]]:
        again = f", {self.repeats} of them again" if self.repeats else ""
        return [
            ("hourly updates, a request each", _rate(self.updates, self.update_seconds)),
            ("daily entities, in batches", _rate(self.days, self.day_seconds)),
            ("notifications due", f"{self.due}"),
            ("notifications sent", f"{self.sent}"),
            ("notifications received", f"{self.received}{again}"),
            ("update → webhook, median", self.percentile(50)),
            ("update → webhook, 95th percentile", self.percentile(95)),
        ]


def print_figures(console: Console, figures: Figures) -> None:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for row in figures.rows():
        table.add_row(*row)
    console.print()
    console.print(table)


QUESTIONS = (
    ("Every type in this city, with its attributes", "/v2/types", ()),
    (
        "The latest hour in San Francisco",
        f"/v2/entities/{SAN_FRANCISCO.id}",
        ("options=keyValues", "attrs=dateObserved,temperature"),
    ),
    (
        "The wettest of the snowy days in Seattle",
        "/v2/entities",
        (
            f"type={TYPE}",
            "q=weatherType==snow",
            "orderBy=!precipitation",
            "limit=3",
            "options=keyValues",
            "attrs=dateObserved,precipitation,dayMinimum",
        ),
    ),
    (
        "Days of August 2015 above 30 degrees Celsius",
        "/v2/entities",
        (
            f"type={TYPE}",
            "q=dateObserved==2015-08-01..2015-09-01;dayMaximum.temperature>30",
            "options=keyValues",
            "attrs=dateObserved,dayMaximum,weatherType",
        ),
    ),
    (
        "What is observed within ten kilometres of the Golden Gate Bridge",
        "/v2/entities",
        (
            f"type={TYPE}",
            "georel=near;maxDistance:10000",
            "geometry=point",
            "coords=37.8199,-122.4783",
            "options=keyValues",
        ),
    ),
    (
        "The mean temperature of each month in San Francisco",
        f"/history/v2/entities/{SAN_FRANCISCO.id}/attrs/temperature",
        (f"type={TYPE}", "aggrMethod=avg", "aggrPeriod=month", "toDate=2011-01-01"),
    ),
)


def queries(url: str, tenant: str) -> str:
    """curl commands to copy; they read the token from $TOKEN."""
    curl = f"curl -sG -H 'Fiware-Service: {tenant}' -H \"X-Auth-Token: $TOKEN\""
    return "\n\n".join(
        f"# {question}\n{curl} '{url}{path}'"
        + "".join(f" \\\n  --data-urlencode '{parameter}'" for parameter in parameters)
        for question, path, parameters in QUESTIONS
    )


def _rate(count: int, seconds: float) -> str:
    return f"{count} in {seconds:.1f} s, {count / seconds:.0f} a second"
