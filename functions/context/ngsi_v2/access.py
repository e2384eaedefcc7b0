"""What each NGSI-v2 route is and which scope of the resource server `context` it needs.

This is the policy's rule table: a route that is not here is refused. It also says which methods a
path has, for the `Allow` header of a 405 (the order of methods is the one clients know).
"""

from city.policy import Operation

READ = "context/read"
WRITE = "context/write"
SUBSCRIBE = "context/subscribe"
OPEN = None

RULES: dict[tuple[str, str], Operation] = {
    ("GET", "/version"): Operation("service:version", OPEN),
    ("GET", "/openapi.json"): Operation("service:describe", OPEN),
    ("GET", "/docs"): Operation("service:describe", OPEN),
    ("GET", "/statistics"): Operation("service:statistics", READ),
    ("GET", "/v2"): Operation("service:entry-points", OPEN),
    ("POST", "/v2/entities"): Operation("entity:create", WRITE),
    ("GET", "/v2/entities"): Operation("entity:list", READ, is_public=True),
    ("GET", "/v2/entities/{entity_id}"): Operation("entity:read", READ, is_public=True),
    ("DELETE", "/v2/entities/{entity_id}"): Operation("entity:delete", WRITE),
    ("GET", "/v2/entities/{entity_id}/attrs"): Operation("entity:read", READ, is_public=True),
    ("PATCH", "/v2/entities/{entity_id}/attrs"): Operation("entity:update", WRITE),
    ("POST", "/v2/entities/{entity_id}/attrs"): Operation("entity:update", WRITE),
    ("PUT", "/v2/entities/{entity_id}/attrs"): Operation("entity:update", WRITE),
    ("GET", "/v2/entities/{entity_id}/attrs/{attribute}"): Operation(
        "entity:read", READ, is_public=True
    ),
    ("PUT", "/v2/entities/{entity_id}/attrs/{attribute}"): Operation("entity:update", WRITE),
    ("DELETE", "/v2/entities/{entity_id}/attrs/{attribute}"): Operation("entity:update", WRITE),
    ("GET", "/v2/entities/{entity_id}/attrs/{attribute}/value"): Operation(
        "entity:read", READ, is_public=True
    ),
    ("PUT", "/v2/entities/{entity_id}/attrs/{attribute}/value"): Operation("entity:update", WRITE),
    ("GET", "/v2/types"): Operation("type:list", READ, is_public=True),
    ("GET", "/v2/types/{entity_type}"): Operation("type:read", READ, is_public=True),
    ("POST", "/v2/subscriptions"): Operation("subscription:create", SUBSCRIBE),
    ("GET", "/v2/subscriptions"): Operation("subscription:list", READ),
    ("GET", "/v2/subscriptions/{subscription_id}"): Operation("subscription:read", READ),
    ("DELETE", "/v2/subscriptions/{subscription_id}"): Operation("subscription:delete", SUBSCRIBE),
    ("PATCH", "/v2/subscriptions/{subscription_id}"): Operation("subscription:update", SUBSCRIBE),
    ("POST", "/v2/registrations"): Operation("registration:create", WRITE),
    ("GET", "/v2/registrations"): Operation("registration:list", READ),
    ("GET", "/v2/registrations/{registration_id}"): Operation("registration:read", READ),
    ("DELETE", "/v2/registrations/{registration_id}"): Operation("registration:delete", WRITE),
    ("POST", "/v2/op/update"): Operation("entity:batch-update", WRITE),
    ("POST", "/v2/op/query"): Operation("entity:list", READ, is_public=True),
    ("POST", "/v2/op/notify"): Operation("entity:notify", WRITE),
}


def allowed_methods(route: str) -> str:
    """The `Allow` header of a path: the methods it has, in the order of the table."""
    return ", ".join(method for method, path in RULES if path == route)
