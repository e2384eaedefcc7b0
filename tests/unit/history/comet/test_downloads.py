"""Raw values as a file."""

import csv
import io

from city.clock import from_iso
from city.json import Json
from city.tenancy import ROOT
from history.comet.downloads import attachment, table
from history.reading.queries import Instance
from history.records import Series

MOMENT = from_iso("2026-01-14T13:43:33.306Z")


def instance(value: Json, type: str = "Number") -> Instance:
    return Instance(Series("Room", "Room1", ROOT), "temperature", type, MOMENT, value, {})


def test_a_line_for_each_instance() -> None:
    assert table([instance(21.28), instance("=1+1", "Text")]) == (
        "attrName,attrType,attrValue,recvTime\r\n"
        "temperature,Number,21.28,2026-01-14T13:43:33.306Z\r\n"
        "temperature,Text,'=1+1,2026-01-14T13:43:33.306Z\r\n"
    )


def test_nothing_is_a_header() -> None:
    assert table([]) == "attrName,attrType,attrValue,recvTime\r\n"


def test_values_with_commas_quotes_and_lines_come_back() -> None:
    values = ["a,b", 'say "yes"', "two\nlines", "", "naïve"]
    lines = csv.DictReader(io.StringIO(table([instance(value) for value in values]), newline=""))
    assert [line["attrValue"] for line in lines] == values


def test_file_name_is_encoded() -> None:
    assert attachment("temperature", MOMENT) == (
        "attachment; filename*=UTF-8''temperature-1768398213306.csv"
    )
    assert attachment("a/ü'", MOMENT).endswith("''a%2F%C3%BC%27-1768398213306.csv")
