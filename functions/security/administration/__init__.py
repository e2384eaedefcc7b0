"""`/access/v1`: the city's own API for grants, keys, plans, registrations, profiles and audit."""
