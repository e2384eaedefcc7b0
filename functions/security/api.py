"""Lambda entry point of the security API (API Gateway HTTP API, payload format 2.0)."""

from mangum import Mangum

from security.application import create_app
from security.settings import ApiSettings

TEXT = ["text/", "application/json", "application/problem+json"]
"""Media types that need no base64 on the way to the gateway."""

handler = Mangum(create_app(ApiSettings.from_environment()), lifespan="off", text_mime_types=TEXT)
