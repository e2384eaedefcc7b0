"""Applications with their roles, permissions and agents, and who has which role of them."""
