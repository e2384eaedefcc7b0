"""Accounts and what is in them: grants, API keys, plans; who may give what to whom."""
