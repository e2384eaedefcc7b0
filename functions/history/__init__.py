"""MIM5: the history of the context, and the open data of the city."""
