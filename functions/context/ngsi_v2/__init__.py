"""NGSI-v2, the SynchroniCity Context Management API: its wire format and its semantics."""
