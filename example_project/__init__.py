"""A small site that shows django-cognito-mfa at work, with a Cognito of its own or a real pool."""
