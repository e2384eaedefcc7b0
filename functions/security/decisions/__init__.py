"""Decisions on access: the AuthZEN Authorization API 1.0, its policies, and explanations."""
