"""What every mechanism shares: settings, errors, tenancy, policy, DynamoDB access, observability."""
