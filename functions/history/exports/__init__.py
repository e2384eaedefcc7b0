"""Bulk export: a part of one type's history as one file, behind a link that ends."""
