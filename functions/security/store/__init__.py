"""Everything the security API keeps, in one DynamoDB table; every DynamoDB call is made here."""
