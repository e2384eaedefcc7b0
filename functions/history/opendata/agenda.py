"""What there is to publish: every type there is history of is looked at, and most need nothing."""

from history.keeping.tasks import Outbox, PublishDataset
from history.store.directory import Directory


def queue_publications(directory: Directory, outbox: Outbox) -> int:
    """Queue a look at every type; how many."""
    queued = 0
    for tenant in directory.tenants():
        looks = [PublishDataset(tenant, type) for type in directory.types(tenant)]
        outbox.send(looks)
        queued += len(looks)
    return queued
