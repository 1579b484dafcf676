"""Monitoring for operators: a log event for each outcome, metrics, spans, and logs without secrets.

Nothing here reads a model or a request, and nothing calls Cognito.
"""
