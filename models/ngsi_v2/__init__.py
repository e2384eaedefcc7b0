"""Wire formats of NGSI-v2."""
