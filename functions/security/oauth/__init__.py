"""OAuth 2.0 and OpenID Connect under the city's own address, in front of the user pool.

Cognito keeps passwords, signs tokens and shows the login page. What it does not do is done here:
PKCE for every code flow, revocation that reaches issued access tokens, introspection, metadata.
"""
