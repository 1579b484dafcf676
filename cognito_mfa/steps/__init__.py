"""What pages and the API share: the steps of a sign-in and of a change, each with its form, its flow, and its errors.

Pages (``cognito_mfa.views``) and the API (``cognito_mfa.api``) only turn each outcome into a response.
"""
