"""Routes, integrations and authorizers out of the OpenAPI body that SAM writes."""

from sandbox.gateway import Route, authorizers_of, resolve, routes_of

INTEGRATION = {"x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": "u"}}


def test_default_route() -> None:
    body = {"paths": {"$default": {"x-amazon-apigateway-any-method": INTEGRATION}}}
    assert list(routes_of(body)) == [Route("$default", "u", None, ())]


def test_route_with_method_and_authorizer() -> None:
    operation = INTEGRATION | {"security": [{"Tokens": ["context/read"]}]}
    body = {"paths": {"/v2/entities": {"get": operation}}}
    assert list(routes_of(body)) == [Route("GET /v2/entities", "u", "Tokens", ("context/read",))]


def test_authorizer() -> None:
    scheme = {
        "type": "oauth2",
        "x-amazon-apigateway-authorizer": {
            "type": "jwt",
            "identitySource": "$request.header.Authorization",
            "jwtConfiguration": {"issuer": "i", "audience": ["a"]},
        },
    }
    assert list(authorizers_of({"components": {"securitySchemes": {"Tokens": scheme}}})) == [
        (
            "Tokens",
            {
                "AuthorizerType": "JWT",
                "IdentitySource": ["$request.header.Authorization"],
                "JwtConfiguration": {"Issuer": "i", "Audience": ["a"]},
            },
        )
    ]


def test_references_are_resolved() -> None:
    value = {"uri": {"Fn::Sub": "${AWS::Region}/${Api.Arn}"}, "names": [{"Ref": "Pool"}]}
    physical = {"AWS::Region": "r", "Api": "f", "Pool": "p"}
    assert resolve(value, physical) == {
        "uri": "r/arn:aws:lambda:eu-west-1:000000000000:function:f",
        "names": ["p"],
    }
