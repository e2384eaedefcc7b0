"""Lambda entry point of the context API (API Gateway HTTP API, payload format 2.0)."""

from mangum import Mangum

from context.application import create_app
from context.settings import ApiSettings

handler = Mangum(create_app(ApiSettings.from_environment()), lifespan="off")
