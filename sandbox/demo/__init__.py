"""Feeds a running city real weather and shows it notify: `make demo`."""
