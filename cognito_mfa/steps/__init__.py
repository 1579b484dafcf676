"""Steps of a sign-in and of a change, which pages and the API share: form, flow, and errors of each.

Pages (``cognito_mfa.views``) and the API (``cognito_mfa.api``) only turn each outcome into a response.
"""
