"""The controlled vocabularies of DCAT-AP: by code, what a concept's IRI and its English name are.

The lists of the Publications Office of the EU (http://publications.europa.eu/resource/authority/),
those parts of them that a city's data need, and the categories of high-value datasets.
"""

from typing import NamedTuple

_AUTHORITY = "http://publications.europa.eu/resource/authority"
_HVD = "http://data.europa.eu/bna"

HVD_LEGISLATION = "http://data.europa.eu/eli/reg_impl/2023/138/oj"
"""The regulation that says which datasets are of high value."""
DATA_THEMES = f"{_AUTHORITY}/data-theme"
IANA = "http://www.iana.org/assignments/media-types"


class Concept(NamedTuple):
    """A member of a vocabulary."""

    iri: str
    name: str

    @property
    def scheme(self) -> str:
        """The vocabulary: lists of the EU have their members right below them."""
        return self.iri.rpartition("/")[0]


class Licence(NamedTuple):
    """A licence; `ckan` is how CKAN calls it, `text` where it can be read."""

    iri: str
    name: str
    ckan: str
    text: str


def _listed(table: str, **names: str) -> dict[str, Concept]:
    return {code: Concept(f"{_AUTHORITY}/{table}/{code}", name) for code, name in names.items()}


THEMES = _listed(
    "data-theme",
    AGRI="Agriculture, fisheries, forestry and food",
    ECON="Economy and finance",
    EDUC="Education, culture and sport",
    ENER="Energy",
    ENVI="Environment",
    GOVE="Government and public sector",
    HEAL="Health",
    INTR="International issues",
    JUST="Justice, legal system and public safety",
    REGI="Regions and cities",
    SOCI="Population and society",
    TECH="Science and technology",
    TRAN="Transport",
)

FREQUENCIES = _listed(
    "frequency",
    UPDATE_CONT="continuously updated",
    CONT="continuous",
    **{"1MIN": "every minute", "5MIN": "every five minutes", "10MIN": "every ten minutes"},
    **{"15MIN": "every fifteen minutes", "30MIN": "every thirty minutes"},
    HOURLY="hourly",
    BIHOURLY="every two hours",
    TRIHOURLY="every three hours",
    **{"12HRS": "every twelve hours"},
    DAILY_2="twice a day",
    DAILY="daily",
    WEEKLY_2="twice a week",
    WEEKLY="weekly",
    BIWEEKLY="every two weeks",
    MONTHLY="monthly",
    QUARTERLY="quarterly",
    ANNUAL_2="twice a year",
    ANNUAL="yearly",
    IRREG="irregular",
    UNKNOWN="unknown",
)

ACCESS_RIGHTS = _listed(
    "access-right", PUBLIC="public", RESTRICTED="restricted", NON_PUBLIC="non-public"
)

FILE_TYPES = _listed("file-type", CSV="CSV", PARQUET="Parquet", JSON="JSON")

AVAILABILITY = _listed("planned-availability", STABLE="stable")

LANGUAGES = {
    code: Concept(f"{_AUTHORITY}/language/{table}", name)
    for code, table, name in (
        ("bg", "BUL", "Bulgarian"),
        ("ca", "CAT", "Catalan"),
        ("cs", "CES", "Czech"),
        ("da", "DAN", "Danish"),
        ("de", "DEU", "German"),
        ("el", "ELL", "Greek"),
        ("en", "ENG", "English"),
        ("es", "SPA", "Spanish"),
        ("et", "EST", "Estonian"),
        ("eu", "EUS", "Basque"),
        ("fi", "FIN", "Finnish"),
        ("fr", "FRA", "French"),
        ("ga", "GLE", "Irish"),
        ("gl", "GLG", "Galician"),
        ("hr", "HRV", "Croatian"),
        ("hu", "HUN", "Hungarian"),
        ("it", "ITA", "Italian"),
        ("lt", "LIT", "Lithuanian"),
        ("lv", "LAV", "Latvian"),
        ("mt", "MLT", "Maltese"),
        ("nb", "NOB", "Norwegian Bokmål"),
        ("nl", "NLD", "Dutch"),
        ("no", "NOR", "Norwegian"),
        ("pl", "POL", "Polish"),
        ("pt", "POR", "Portuguese"),
        ("ro", "RON", "Romanian"),
        ("sk", "SLK", "Slovak"),
        ("sl", "SLV", "Slovenian"),
        ("sv", "SWE", "Swedish"),
        ("uk", "UKR", "Ukrainian"),
    )
}

LICENCES = {
    code: Licence(f"{_AUTHORITY}/licence/{code}", name, ckan, text)
    for code, name, ckan, text in (
        (
            "CC0",
            "Creative Commons CC0 1.0",
            "cc-zero",
            "https://creativecommons.org/publicdomain/zero/1.0/",
        ),
        (
            "CC_BY_4_0",
            "Creative Commons Attribution 4.0",
            "cc-by",
            "https://creativecommons.org/licenses/by/4.0/",
        ),
        (
            "CC_BYSA_4_0",
            "Creative Commons Attribution-ShareAlike 4.0",
            "cc-by-sa",
            "https://creativecommons.org/licenses/by-sa/4.0/",
        ),
        (
            "ODC_PDDL",
            "Open Data Commons Public Domain Dedication and License",
            "odc-pddl",
            "https://opendatacommons.org/licenses/pddl/1-0/",
        ),
        (
            "ODC_BY",
            "Open Data Commons Attribution License",
            "odc-by",
            "https://opendatacommons.org/licenses/by/1-0/",
        ),
        (
            "ODC_BL",
            "Open Data Commons Open Database License",
            "odc-odbl",
            "https://opendatacommons.org/licenses/odbl/1-0/",
        ),
    )
}

HVD_CATEGORIES = {
    code: Concept(f"{_HVD}/{id}", name)
    for code, id, name in (
        ("GEOSPATIAL", "c_ac64a52d", "Geospatial"),
        ("EARTH_OBSERVATION_AND_ENVIRONMENT", "c_dd313021", "Earth observation and environment"),
        ("METEOROLOGICAL", "c_164e0bf5", "Meteorological"),
        ("STATISTICS", "c_e1da4e07", "Statistics"),
        ("COMPANIES", "c_a9135398", "Companies and company ownership"),
        ("MOBILITY", "c_b79e35eb", "Mobility"),
    )
}
