"""The `city` command, for operators and developers: `python -m cli --help`."""
