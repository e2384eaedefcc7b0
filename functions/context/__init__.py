"""MIM1: context information, as NGSI-v2 over one DynamoDB table."""
