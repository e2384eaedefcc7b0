"""From a stream record, or a notification, to a file that the ledger names."""
