"""The city's open data: which entity types are datasets, as CKAN's readers and DCAT-AP's see them.

Everything here is read with the eyes of the public, whoever asks.
"""
