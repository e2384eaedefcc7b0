"""From a query to its answer: what is meant and seen, where it is, by which engine."""
