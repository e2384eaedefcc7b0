"""The API as the client of one tenant sees it, in the words of the NGSI-v2 specification."""

from collections.abc import Mapping
from html import unescape
from typing import Any

import httpx

from tests.integration.api import Api


class Broker:
    """Requests of one tenant; `path` is the service path of all of them unless one says another."""

    def __init__(self, api: Api, tenant: str) -> None:
        self._api = api
        self.tenant = tenant

    def __call__(
        self,
        method: str,
        url: str,
        body: Any = None,
        *,
        path: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request; a text as body goes out as text/plain, anything else as JSON."""
        sent = {"Fiware-Service": self.tenant, **(headers or {})}
        if path is not None:
            sent["Fiware-ServicePath"] = path
        request: dict[str, Any] = {}
        if isinstance(body, str):
            sent.setdefault("Content-Type", "text/plain")
            request["content"] = body
        elif body is not None:
            request["json"] = body
        return self._api(method, url, headers=sent, **request)

    def done(self, method: str, url: str, body: Any = None, **options: Any) -> httpx.Response:
        """Send a request that must succeed."""
        answer = self(method, url, body, **options)
        assert answer.is_success, f"{method} {url}: {answer.status_code} {answer.text}"
        return answer

    def refused(self, method: str, url: str, body: Any = None, **options: Any) -> tuple[int, str]:
        """Status and error of a request that must be refused."""
        return self.why(method, url, body, **options)[:2]

    def why(self, method: str, url: str, body: Any = None, **options: Any) -> tuple[int, str, str]:
        """Status, error and description of a refusal, the description as plain text."""
        answer = self(method, url, body, **options)
        assert answer.status_code >= 400, f"{method} {url}: {answer.status_code} {answer.text}"
        refusal = answer.json()
        assert refusal.keys() == {"error", "description"}
        return answer.status_code, refusal["error"], unescape(refusal["description"])

    def create(self, id: str, type: str = "T", path: str | None = None, **attributes: Any) -> None:
        """Create an entity; attributes are given as in the normalized representation."""
        self.done("POST", "/v2/entities", {"id": id, "type": type, **attributes}, path=path)

    def simple(self, id: str, type: str = "T", path: str | None = None, **values: Any) -> None:
        """Create an entity from key values."""
        body = {"id": id, "type": type, **values}
        self.done("POST", "/v2/entities?options=keyValues", body, path=path)

    def get(self, url: str, **options: Any) -> Any:
        """The JSON answer to a GET that must succeed."""
        answer = self.done("GET", url, **options)
        assert answer.headers["content-type"] == "application/json"
        return answer.json()

    def attribute(self, name: str, id: str = "E", query: str = "") -> Any:
        """One attribute in its normalized representation."""
        return self.get(f"/v2/entities/{id}/attrs/{name}{query}")

    def values(self, id: str = "E") -> dict[str, Any]:
        """The attributes of an entity as key values."""
        found: dict[str, Any] = self.get(f"/v2/entities/{id}/attrs?options=keyValues")
        return found

    def ids(self, **parameters: Any) -> list[str]:
        """The ids of the entities that a query finds, in order."""
        return [found["id"] for found in self.get(query_url("/v2/entities", **parameters))]


def query_url(url: str, **parameters: Any) -> str:
    """A URL with a query string."""
    return f"{url}?{httpx.QueryParams(parameters)}" if parameters else url
