"""Athena on this machine: its API for queries, its SQL checked and run by DuckDB, its files in the local S3.

ministack and moto have no engine that understands Athena's dialect. This one runs what is sound in
both, on the tables of the Glue catalog and by their partition projection, and refuses the rest by
name: what succeeds here is meant to succeed on AWS. Never deployed.

`endpoint` speaks the API, `executions` keeps what was started, `statements` and `dialect` turn a query
into DuckDB's words, `catalog` and `projection` say what a table is and which files a query reads,
`engine` runs it, `results` writes it down, `server` is all of it for tests in one process.
"""
