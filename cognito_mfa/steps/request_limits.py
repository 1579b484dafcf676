"""What the calls and the emails of one request have in common: a time within which it is answered."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from cognito_mfa.authenticator.email_delivery import waiting_once
from cognito_mfa.cognito import deadline
from cognito_mfa.monitoring import calls


@contextmanager
def one_request() -> Generator[None]:
    """Let all calls of the block share the deadline of one call, and all emails the patience with one.

    A setup makes three calls. If each had 12 seconds, web servers and proxies that give a request 30 seconds would end
    it in the middle, after Cognito had the authenticator and before the site knew.
    """
    calls.forget()
    with waiting_once(), deadline.within(deadline.DEADLINE):
        yield
