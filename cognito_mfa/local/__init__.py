"""An emulator of Amazon Cognito user pools, for tests, examples, and development.

It must never serve the users of a real site.

Faithful: the order of checks and the next challenge of every sign-in; session strings that rotate,
are bound to user, client and stage, expire and are consumed; TOTP codes with a secret per
association, accepted once; preferences, resets, locks and errors with Cognito's words; signed
tokens, published keys, revocation; the service model's limits. Where sources about Cognito
disagree, ``Behavior`` has a switch.

Not faithful, on purpose: IAM operations want a signature and believe any; a sign-in within the
second after a sign-out works; ListUsers is consistent at once; nothing is sent, ``outbox`` keeps
it; managed login, over HTTP only, has no cookie that signs in again. Requests per second are
counted on demand only (``Behavior.request_quotas``); ``faults`` throttle as a test likes.

What is not supported is refused with a text that says so: "Not implemented" in
docs/local-cognito-fidelity.md lists it.
"""

from __future__ import annotations

from cognito_mfa.local import faults, tampering
from cognito_mfa.local.behavior import Behavior
from cognito_mfa.local.clock import Clock
from cognito_mfa.local.cognito import LocalCognito
from cognito_mfa.local.rules.passwords import PasswordPolicy
from cognito_mfa.local.wire.client import make_client

__all__ = [
    "Behavior",
    "Clock",
    "LocalCognito",
    "PasswordPolicy",
    "faults",
    "make_client",
    "tampering",
]
