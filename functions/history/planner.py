"""Answers queries of the history: decides what has to be read, and by which engine."""

from typing import overload

from city.policy.grants import Access
from history.queries import (
    Aggregate,
    Answer,
    Bucket,
    Instance,
    Instances,
    Latest,
    Query,
    Row,
    Rows,
    Seen,
    Sightings,
)


class Planner:
    """Runs queries for a caller, who sees what its view of the tenant shows and nothing else."""

    @overload
    def run(self, query: Instances | Latest, access: Access) -> Answer[Instance]: ...
    @overload
    def run(self, query: Rows, access: Access) -> Answer[Row]: ...
    @overload
    def run(self, query: Aggregate, access: Access) -> Answer[Bucket]: ...
    @overload
    def run(self, query: Sightings, access: Access) -> Answer[Seen]: ...
    def run(
        self, query: Query, access: Access
    ) -> Answer[Instance] | Answer[Row] | Answer[Bucket] | Answer[Seen]:
        """The answer; empty when nothing is there or nothing of it is visible.

        Raises Deferred when it is not ready in the time that a request may take, InvalidPattern for
        an id pattern, and Unavailable.
        """
        raise NotImplementedError
