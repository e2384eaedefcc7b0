"""The `notification` member of a subscription: what is sent, where to, and in which form."""

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from models.ngsi_v2.faults import (
    MAX_ID_LENGTH,
    clean,
    fault,
    is_forbidden,
    is_forbidden_in_id,
    names,
    unsupported,
)
from models.ngsi_v2.macros import check_macros

MAX_TIMEOUT = 1_800_000
"""Milliseconds a client may ask us to wait for its receiver."""

MAX_PRIORITY = 100_000
"""The `evalPriority` of an NGSI patch attribute that names none."""

OWN_HEADERS = frozenset({"connection", "content-length", "host", "transfer-encoding"})
"""Headers of the transport: a client that set them could break out of its own request."""

AttrsFormat = Literal[
    "normalized", "simplifiedNormalized", "keyValues", "simplifiedKeyValues", "values"
]

_CHANNELS = ("http", "httpCustom", "mqtt", "mqttCustom", "kafka", "kafkaCustom")
_METHODS = ("GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "")
_FORMATS = "normalized, simplifiedNormalized, keyValues, simplifiedkeyValues, values"
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\Z|\[[0-9A-Fa-f:.]+\]\Z")
_PATCH_MEMBERS = {"value", "type", "metadata"}


class Wire(BaseModel):
    """A member of the wire format: strict types, camelCase names, unknown members ignored."""

    model_config = ConfigDict(
        strict=True, frozen=True, alias_generator=to_camel, populate_by_name=True
    )

    @classmethod
    def knows(cls, members: dict[str, JsonValue]) -> bool:
        """Whether a document has any member that this class knows."""
        return any(field.alias in members for field in cls.model_fields.values())

    def given(self, field: str) -> bool:
        """Whether the client sent this field (by its Python name)."""
        return field in self.model_fields_set


def _check_timeout(milliseconds: int) -> int:
    if not 0 <= milliseconds <= MAX_TIMEOUT:
        raise fault(f"timeout field must be an integer between 0 and {MAX_TIMEOUT}")
    return milliseconds


Timeout = Annotated[int, AfterValidator(_check_timeout)]


class Http(Wire):
    """`http`: the standard message is POSTed to `url`; `timeout` in milliseconds, 0 = default."""

    url: Annotated[str, clean("http field /url/")]
    timeout: Timeout = 0

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        return _checked_url(url, "Invalid URL parsing notification url")


class HttpCustom(Wire):
    """`httpCustom`: the request is a template with `${name}` macros.

    `payload`: text (percent-decoded when sent), or null for no body at all. `json`: the body as
    JSON. `ngsi`: a patch of the notified entity. At most one of the three.
    """

    url: Annotated[str, clean("custom /url/")]
    method: str = ""
    payload: str | None = ""
    json_body: JsonValue = Field(default=None, alias="json")
    ngsi: dict[str, JsonValue] | None = None
    qs: dict[str, str] = {}
    headers: dict[str, str] = {}
    timeout: Timeout = 0

    @model_validator(mode="before")
    @classmethod
    def _check_one_body(cls, members: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if len({"payload", "json", "ngsi"} & members.keys()) > 1:
            raise fault(
                "only one of payload, json or ngsi fields accepted at the same time in httpCustom, "
                "mqttCustom or kafkaCustom"
            )
        for member in ("url", "payload", "json", "ngsi", "qs", "headers"):
            check_macros(members.get(member))
        for member in ("qs", "headers"):
            check_macros(list(_keys(members.get(member))))
        return members

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        return url if "${" in url else _checked_url(url, "invalid custom /url/")

    @field_validator("method")
    @classmethod
    def _check_method(cls, method: str) -> str:
        if method not in _METHODS:
            raise fault("unknown method httpCustom notification")
        return method

    @field_validator("payload")
    @classmethod
    def _check_payload(cls, payload: str | None) -> str | None:
        if payload and is_forbidden(payload):
            raise fault("forbidden characters in custom /payload/")
        return payload

    @field_validator("json_body")
    @classmethod
    def _check_json(cls, body: JsonValue) -> JsonValue:
        if not isinstance(body, dict | list):
            raise fault(
                "json fields in httpCustom, mqttCustom or kafkaCustom must be object or array"
            )
        return body

    @field_validator("ngsi", mode="before")
    @classmethod
    def _check_ngsi(cls, patch: JsonValue) -> JsonValue:
        if not isinstance(patch, dict):
            raise fault("ngsi field in httpCustom notification is not an object")
        for name, member in patch.items():
            _check_patch_member(name, member)
        return patch

    @field_validator("qs", mode="before")
    @classmethod
    def _check_qs(cls, qs: JsonValue) -> JsonValue:
        return _checked_dictionary(qs, "notification httpCustom qs")

    @field_validator("headers", mode="before")
    @classmethod
    def _check_headers(cls, headers: JsonValue) -> JsonValue:
        checked = _checked_dictionary(headers, "notification httpCustom headers", allowed="'\"")
        for name in _keys(headers):
            if name.lower() in OWN_HEADERS:
                raise fault(f"header {name} cannot be set in httpCustom notifications")
        return checked


class Notification(Wire):
    """What a subscription sends: `attrs` or `exceptAttrs` chosen from the entity, in a format."""

    http: Http | None = None
    http_custom: HttpCustom | None = None
    attrs: Annotated[list[str], names("attrs")] = []
    except_attrs: Annotated[list[str], names("exceptAttrs")] = []
    only_changed_attrs: bool = False
    covered: bool = False
    metadata: Annotated[list[str], names("metadata")] = []
    attrs_format: AttrsFormat = "normalized"
    max_fails_limit: int = 0

    @property
    def timeout(self) -> int:
        """Milliseconds to wait for the receiver; 0 leaves it to us."""
        target = self.http or self.http_custom
        return target.timeout if target else 0

    @model_validator(mode="before")
    @classmethod
    def _check_channel(cls, members: JsonValue) -> JsonValue:
        if not isinstance(members, dict):
            raise fault("notification is not an object")
        given = [channel for channel in _CHANNELS if channel in members]
        if len(given) > 1:
            raise fault(
                "only one of http, httpCustom, mqtt, mqttCustom, kafka or kafkaCustom is allowed"
            )
        if not given:
            raise fault("http, httpCustom, mqtt, mqttCustom, kafka or kafkaCustom is missing")
        if not isinstance(members[given[0]], dict):
            raise fault(f"{given[0]} notification is not an object")
        if given[0] not in ("http", "httpCustom"):
            raise unsupported(f"{given[0]} notifications are not supported; use http or httpCustom")
        if "attrs" in members and "exceptAttrs" in members:
            raise fault("http notification has attrs and exceptAttrs")
        return members

    @field_validator("except_attrs")
    @classmethod
    def _check_exceptions(cls, listed: list[str]) -> list[str]:
        if not listed:
            raise fault("http notification has exceptAttrs is empty")
        return listed

    @field_validator("max_fails_limit")
    @classmethod
    def _check_limit(cls, limit: int) -> int:
        if limit <= 0:
            raise fault("maxFailsLimit must be greater than zero")
        return limit

    @model_validator(mode="after")
    def _check_covered(self) -> Self:
        if self.covered and not (self.attrs or self.except_attrs):
            raise fault("covered true cannot be used if notification attributes list is empty")
        return self


TEXTS = {
    ("notification.attrsFormat", "literal_error"): (
        f"invalid attrsFormat, accepted values: {_FORMATS}"
    ),
    ("notification.http.url", "name"): "url http notification",
    ("notification.httpCustom.url", "name"): "url httpCustom notification",
    ("notification.httpCustom.method", "name"): "method httpCustom notification",
    ("notification.httpCustom.payload", "name"): "payload custom notification",
}
"""Texts of faults that differ from the general form of `explain`."""


def _checked_url(url: str, refusal: str) -> str:
    scheme = url.partition(":")[0]
    if scheme in ("mqtt", "kafka"):
        raise fault(f"{scheme} URL cannot be used in http notifications")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise fault(refusal) from None
    host = parts.netloc if port is None else parts.netloc.rpartition(":")[0]
    if scheme not in ("http", "https") or port == 0 or not _HOST.match(host.removesuffix(":")):
        raise fault(refusal)
    return url


def _checked_dictionary(members: JsonValue, where: str, *, allowed: str = "") -> JsonValue:
    if not isinstance(members, dict):
        raise fault(f"{where} is not an object")
    if not members:
        raise fault(f"{where} is empty")
    for key, value in members.items():
        if not isinstance(value, str):
            raise fault(f"{where} element is not a string")
        if is_forbidden(value, allowed=allowed) or is_forbidden(key):
            raise fault(f"forbidden characters in custom {where}")
    return members


def _keys(members: JsonValue) -> list[str]:
    return list(members) if isinstance(members, dict) else []


def _check_patch_member(name: str, member: JsonValue) -> None:
    if name in ("id", "type"):
        if not isinstance(member, str):
            raise fault(f"Invalid JSON type for entity {name}")
        return
    if not isinstance(member, dict):
        raise fault("attribute must be a JSON object, unless keyValues option is used")
    if not member.keys() <= _PATCH_MEMBERS:
        raise fault("unrecognized property for context attribute")
    type = member.get("type", "Text")
    if not isinstance(type, str):
        raise fault("invalid JSON type for attribute type")
    _check_identifier(name, "attribute name")
    _check_identifier(type, "attribute type")
    metadata = member.get("metadata", {})
    if not isinstance(metadata, dict) or metadata.keys() - {"evalPriority"}:
        raise fault("only evalPriority metadata is allowed in ngsi field in custom notifications")
    for priority in metadata.values():
        _check_priority(priority.get("value") if isinstance(priority, dict) else None)


def _check_identifier(text: str, what: str) -> None:
    if not text:
        raise fault(f"{what} length: 0, min length supported: 1")
    if len(text) > MAX_ID_LENGTH:
        raise fault(f"{what} length: {len(text)}, max length supported: {MAX_ID_LENGTH}")
    if is_forbidden_in_id(text):
        raise fault(f"Invalid characters in {what}")


def _check_priority(priority: JsonValue) -> None:
    if isinstance(priority, bool) or not isinstance(priority, int | float):
        raise fault("evalPriority metadata must be a number")
    if priority < 1:
        raise fault("evalPriority metadata minimum priority is 1")
    if priority > MAX_PRIORITY:
        raise fault(f"evalPriority metadata maximum priority is {MAX_PRIORITY}")
