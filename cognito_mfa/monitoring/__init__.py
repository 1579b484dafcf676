"""Monitoring for operators: one log event for each outcome, metrics and spans, and logs without secrets.

Nothing here reads a model or a request, and nothing calls Cognito.
"""
