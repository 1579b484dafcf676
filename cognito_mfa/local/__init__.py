"""A Cognito user pool on your own machine, for tests, examples and development. It plays real
rules: true codes with a secret per user, sessions that rotate, bind, expire and are consumed,
refused replays, locks, signed tokens. It must never serve a real site's people."""

from __future__ import annotations

from cognito_mfa.local import faults
from cognito_mfa.local.behaviour import Behaviour
from cognito_mfa.local.client import make_client
from cognito_mfa.local.clock import Clock
from cognito_mfa.local.cognito import LocalCognito
from cognito_mfa.local.passwords import PasswordPolicy

__all__ = ["Behaviour", "Clock", "LocalCognito", "PasswordPolicy", "faults", "make_client"]
