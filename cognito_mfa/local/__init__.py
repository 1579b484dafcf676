"""An emulator of Amazon Cognito user pools, for tests, examples, and development.

It must never serve the users of a real site.

Faithful: the order of checks and the next challenge of every sign-in; session strings that rotate,
are bound to user, client and stage, expire and are consumed; TOTP codes with a secret per
association, accepted once; preferences, resets, locks and errors with Cognito's words; signed
tokens, published keys, revocation; the service model's limits. Where sources about Cognito
disagree, ``Behavior`` has a switch.

Not faithful, on purpose: IAM operations want a signature and believe any; a sign-in within the
second after a sign-out works; ListUsers is consistent at once; nothing is sent, ``outbox`` keeps
it; managed login, over HTTP only, has no cookie that signs in again, and no passkeys; threat
protection is missing. Requests per second are counted on demand only
(``Behavior.request_quotas``); ``faults`` throttle as a test likes.

Not supported, and refused with a text that says so: step-up in USER_AUTH, and
among the operations AdminSetUserSettings, CreateManagedLoginBranding, CreateUserImportJob,
DescribeRiskConfiguration, GetCSVHeader, GetLogDeliveryConfiguration, GetUICustomization,
ListUserImportJobs, SetLogDeliveryConfiguration, SetRiskConfiguration, SetUICustomization,
SetUserSettings, StartUserImportJob.
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
