"""The HTTP APIs' routes. SAM writes them as OpenAPI bodies, which ministack does not import."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.deployment import STACK
from sandbox.embedded_aws import ACCOUNT, REGION, session

APIS = ("CityApi", "HistoryApi")
"""The names of the HTTP APIs in the template."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route of an HTTP API: its key ("GET /v2/entities"), the integration's URI, who may pass."""

    key: str
    uri: str
    authorizer: str | None
    scopes: tuple[str, ...]


def api_ids() -> dict[str, str]:
    """The physical ids of the stack's HTTP APIs by their names in the template."""
    physical = _physical_ids()
    return {api: physical[api] for api in APIS}


def import_routes() -> None:
    """Give each HTTP API the routes, integrations and authorizers its OpenAPI body describes."""
    template = (
        session().client("cloudformation").get_template(StackName=STACK, TemplateStage="Processed")
    )
    resources: Any = template["TemplateBody"]["Resources"]
    physical = _physical_ids()
    for api in APIS:
        _import(physical[api], resolve(resources[api]["Properties"]["Body"], physical))


def _import(api: str, body: dict[str, Any]) -> None:
    gateway = session().client("apigatewayv2")
    for old in gateway.get_routes(ApiId=api)["Items"]:
        gateway.delete_route(ApiId=api, RouteId=old["RouteId"])
    authorizers = {
        name: gateway.create_authorizer(ApiId=api, Name=name, **definition)["AuthorizerId"]
        for name, definition in authorizers_of(body)
    }
    for route in routes_of(body):
        integration = gateway.create_integration(
            ApiId=api,
            IntegrationType="AWS_PROXY",
            IntegrationUri=route.uri,
            PayloadFormatVersion="2.0",
        )
        access: Any = {}
        if route.authorizer:
            access = {
                "AuthorizationType": "JWT",
                "AuthorizerId": authorizers[route.authorizer],
                "AuthorizationScopes": list(route.scopes),
            }
        target = f"integrations/{integration['IntegrationId']}"
        gateway.create_route(ApiId=api, RouteKey=route.key, Target=target, **access)


def routes_of(body: dict[str, Any]) -> Iterator[Route]:
    """The routes of an OpenAPI body as SAM writes it, references resolved."""
    for path, operations in body["paths"].items():
        for method, operation in operations.items():
            verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
            name, scopes = next(iter((operation.get("security") or [{}])[0].items()), (None, []))
            yield Route(
                key=path if path == "$default" else f"{verb} {path}",
                uri=operation["x-amazon-apigateway-integration"]["uri"],
                authorizer=name,
                scopes=tuple(scopes),
            )


def authorizers_of(body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The JWT authorizers of an OpenAPI body by name, as CreateAuthorizer takes them."""
    for name, scheme in body.get("components", {}).get("securitySchemes", {}).items():
        authorizer = scheme["x-amazon-apigateway-authorizer"]
        tokens = authorizer["jwtConfiguration"]
        yield (
            name,
            {
                "AuthorizerType": "JWT",
                "IdentitySource": [authorizer["identitySource"]],
                "JwtConfiguration": {"Issuer": tokens["issuer"], "Audience": tokens["audience"]},
            },
        )


def resolve(value: Any, physical: dict[str, str]) -> Any:
    """A template value with Ref and Fn::Sub replaced; `physical` names resources by logical id."""
    if isinstance(value, list):
        return [resolve(item, physical) for item in value]
    if not isinstance(value, dict):
        return value
    if "Ref" in value:
        return _substitute(f"${{{value['Ref']}}}", physical)
    if "Fn::Sub" in value:
        return _substitute(value["Fn::Sub"], physical)
    return {key: resolve(item, physical) for key, item in value.items()}


def _substitute(text: str, physical: dict[str, str]) -> str:
    def replacement(found: re.Match[str]) -> str:
        name, _, attribute = found[1].partition(".")
        if attribute == "Arn":
            return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{physical[name]}"
        return physical[name]

    return re.sub(r"\$\{([^}]+)\}", replacement, text)


def _physical_ids() -> dict[str, str]:
    resources = (
        session()
        .client("cloudformation")
        .describe_stack_resources(StackName=STACK)["StackResources"]
    )
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources
    } | {
        "AWS::AccountId": ACCOUNT,
        "AWS::Partition": "aws",
        "AWS::Region": REGION,
        "AWS::StackName": STACK,
    }
