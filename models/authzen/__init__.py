"""The OpenID AuthZEN Authorization API 1.0, and the policies that answer it."""
