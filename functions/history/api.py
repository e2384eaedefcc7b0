"""Lambda entry point of the history API (API Gateway HTTP APIs, payload format 2.0)."""

from mangum import Mangum

from history.application import create_app
from history.settings import ApiSettings

handler = Mangum(create_app(ApiSettings.from_environment()), lifespan="off")
