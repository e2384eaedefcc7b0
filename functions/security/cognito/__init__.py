"""Amazon Cognito, the user pool: every call of it. It keeps passwords, secrets and sign-in."""
