"""The editorial part of a city's open data: what only people can say about a dataset."""
