"""Datasets for people: plain pages that need no script and no picture. Everything in them is escaped."""

from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import urlsplit

from city.clock import iso
from history.opendata import dcat
from history.opendata.dataset import FORMATS, Catalog, Dataset
from history.opendata.packages import chosen
from history.opendata.vocabularies import FILE_TYPES, FREQUENCIES, HVD_CATEGORIES, LICENCES, THEMES
from models.open_data.texts import DEFAULT_LANGUAGE, ContactPoint, Publisher

CONTENT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)

_STYLE = """
body{font:1rem/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}
dt{font-weight:bold}dd{margin:0 0 .5rem}table{border-collapse:collapse}
th,td{text-align:left;padding:.25rem 1rem .25rem 0;border-bottom:1px solid #767676}
"""
_FORMS = (("ttl", "Turtle"), ("jsonld", "JSON-LD"), ("rdf", "RDF/XML"))


def dataset_page(city: str, dataset: Dataset) -> str:
    """The page of a dataset: what it is, and where it is downloaded."""
    address = f"{city}/dataset/{dataset.id}"
    title = chosen(dataset.title)
    return _page(
        title,
        dataset.title,
        [
            f'<p><a href="{_escaped(city)}/catalog">{_escaped(chosen(dataset.catalog.title))}</a></p>',
            f"<h1>{_escaped(title)}</h1>",
            *(
                f"<p>{_escaped(line)}</p>"
                for line in chosen(dataset.description).splitlines()
                if line
            ),
            f"<dl>{''.join(_facts(dataset))}</dl>",
            "<h2>Download</h2>",
            *_downloads(city, dataset),
            "<h2>API</h2>",
            f"<p>{_link(dcat.api_address(city, dataset))}</p>",
            f"<p>{_escaped(dcat.api_advice(dataset))}</p>",
            "<h2>About this page</h2>",
            f"<p>{_forms(address)}</p>",
        ],
    )


def catalog_page(city: str, catalog: Catalog, datasets: Sequence[Dataset]) -> str:
    """The page of the catalogue: its datasets."""
    title = chosen(catalog.title)
    listed = "".join(
        f'<li><a href="{_escaped(city)}/dataset/{_escaped(one.id)}">{_escaped(chosen(one.title))}</a></li>'
        for one in datasets
    )
    return _page(
        title,
        catalog.title,
        [
            f"<h1>{_escaped(title)}</h1>",
            f"<p>{_escaped(chosen(catalog.description))}</p>",
            f"<ul>{listed}</ul>" if listed else "<p>There are no datasets here.</p>",
            f"<p>{_forms(f'{city}/catalog')}</p>",
        ],
    )


def _page(title: str, titles: Iterable[str], parts: list[str]) -> str:
    languages = list(titles)
    language = DEFAULT_LANGUAGE if DEFAULT_LANGUAGE in languages else languages[0]
    body = "\n".join(parts)
    return (
        f'<!DOCTYPE html>\n<html lang="{_escaped(language)}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_escaped(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _facts(dataset: Dataset) -> Iterable[str]:
    record = dataset.record
    licence = LICENCES.get(dataset.licence or "")
    start, end = dataset.period
    words = [word for some in dataset.keywords.values() for word in some]
    category = HVD_CATEGORIES.get(record.hvd_category or "")
    yield _fact("Publisher", _party(dataset.publisher))
    yield _fact("Contact", _contact(dataset.contact_point))
    yield _fact("Licence", _link(licence.text, licence.name) if licence else "")
    yield _fact("Themes", _escaped(", ".join(THEMES[code].name for code in record.themes)))
    yield _fact("Keywords", _escaped(", ".join(words)))
    yield _fact("Updated", _escaped(FREQUENCIES[dataset.frequency].name))
    yield _fact("Period", _escaped(f"{start or '…'} – {end or '…'}") if start or end else "")
    yield _fact("High-value dataset", _escaped(category.name) if category else "")
    yield _fact("Documentation", _link(record.documentation) if record.documentation else "")
    yield _fact("More", _link(record.landing_page) if record.landing_page else "")
    yield _fact("Rights", _escaped(record.rights or ""))
    yield _fact("Changed", _escaped(iso(dataset.modified)) if dataset.modified else "")


def _fact(name: str, value: str) -> str:
    """A name and its value, which is HTML; nothing without one."""
    return f"<dt>{name}</dt><dd>{value}</dd>\n" if value else ""


def _downloads(city: str, dataset: Dataset) -> Iterable[str]:
    if not dataset.releases:
        yield "<p>A file is made of each month when it has ended.</p>"
        return
    heads = "".join(f'<th scope="col">{FILE_TYPES[form.upper()].name}</th>' for form in FORMATS)
    yield f'<table><thead><tr><th scope="col">Month</th>{heads}</tr></thead><tbody>'
    for release in reversed(dataset.releases):
        cells = "".join(
            f"<td>{_link(dcat.download_address(city, dataset, release, form), _size(release.files[form].size))}</td>"
            for form in FORMATS
        )
        yield f'<tr><th scope="row">{release.month}</th>{cells}</tr>'
    yield "</tbody></table>"


def _size(size: int) -> str:
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size} {unit}"
        size = round(size / 1000)
    return f"{size} GB"


def _party(publisher: Publisher) -> str:
    return (
        _link(publisher.homepage, publisher.name)
        if publisher.homepage
        else _escaped(publisher.name)
    )


def _contact(contact: ContactPoint | None) -> str:
    if contact is None:
        return ""
    address = f"mailto:{contact.email}" if contact.email else contact.url
    shown = _link(address, contact.name) if address else _escaped(contact.name)
    return f"{shown} {_escaped(contact.telephone)}" if contact.telephone else shown


def _forms(address: str) -> str:
    links = ", ".join(_link(f"{address}.{end}", name) for end, name in _FORMS)
    return f"The same as data: {links}."


def _link(address: str, text: str | None = None) -> str:
    """A link; an address that no page should lead to is shown as text."""
    if urlsplit(address).scheme not in {"http", "https", "mailto"}:
        return _escaped(text or address)
    return f'<a href="{_escaped(address)}">{_escaped(text or address)}</a>'


def _escaped(text: str) -> str:
    return escape(text, quote=True)
