"""Contracts as pydantic models: the wire formats of every mechanism. No I/O."""
