"""MIM4: who may do what in a city. Users, applications, tokens, grants, decisions, audit."""
