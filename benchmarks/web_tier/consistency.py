"""Compares every row of the site with Cognito, and every session with what Cognito authenticated.

It reads the output of Cognito's process and of the visitors, and prints the differences.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session

from cognito_mfa.enforcement import proof
from cognito_mfa.models import CodeFailures, CognitoIdentity, MFAEvent, PostedStep

Kind = MFAEvent.Kind
SessionStore = import_module(settings.SESSION_ENGINE).SessionStore


def identity_faults(known: dict[str, Any], rows: list[CognitoIdentity]) -> Iterator[str]:
    """Yield what does not agree about one user of the pool.

    Args:
        known: what Cognito knows.
        rows: the identities with the user's ``sub``.
    """
    if len(rows) != 1:
        yield f"{len(rows)} identities"
        return
    (row,) = rows
    tokens = [token for token in row.software_tokens.all() if token.retired_at is None]
    if row.username != known["username"] or row.user.username != known["username"]:
        yield f"is called {row.username}"
    if (row.status == CognitoIdentity.Status.ENABLED) != known["has_token"]:
        yield f"status {row.status}, has an authenticator app at Cognito: {known['has_token']}"
    if len(tokens) != known["has_token"]:
        yield f"{len(tokens)} active authenticator apps"
    elif tokens and tokens[0].friendly_name != known["friendly_name"]:
        yield f"a device named {tokens[0].friendly_name}, at Cognito {known['friendly_name']}"
    if row.unconfirmed:
        yield f"unconfirmed: {row.unconfirmed}"


def event_faults(known: dict[str, Any], events: Counter[str], done: int) -> Iterator[str]:
    """Yield what does not agree about one user's sign-ins.

    Args:
        known: what Cognito knows.
        events: how many of each kind the user has.
        done: how many sign-ins the visitors saw the end of.
    """
    signed_in = events[Kind.SIGNED_IN]
    if not done <= signed_in <= known["authentications"]:
        yield (
            f"{signed_in} sign-ins recorded, {done} seen by the user, "
            f"{known['authentications']} authenticated by Cognito"
        )
    set_up = int(known["has_token"] and known["username"].startswith("newcomer"))
    if events[Kind.SOFTWARE_TOKEN_VERIFIED] != set_up:
        yield f"{events[Kind.SOFTWARE_TOKEN_VERIFIED]} setups recorded"


def signed_in_sessions(keys: list[str]) -> Iterator[tuple[str, bool]]:
    """Yield the user's key of each signed-in session, and whether its proof is valid.

    Args:
        keys: of the sessions in Redis.
    """
    if not settings.SESSION_ENGINE.endswith("cache"):
        keys = list(Session.objects.values_list("session_key", flat=True))
    identities = {str(row.user_id): row for row in CognitoIdentity.objects.all()}
    for key in keys:
        session = SessionStore(key)
        user = session.get(SESSION_KEY)
        if user is not None:
            yield user, proof.holds(session.get(proof.KEY), identities.get(user))


def identities_by_sub() -> dict[str, list[CognitoIdentity]]:
    found: dict[str, list[CognitoIdentity]] = defaultdict(list)
    for row in CognitoIdentity.objects.select_related("user").prefetch_related("software_tokens"):
        found[row.sub].append(row)
    return found


def events_by_sub() -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for sub, kind in MFAEvent.objects.values_list("sub", "kind"):
        found[sub][kind] += 1
    return found


def compare(given: dict[str, Any]) -> Iterator[str]:
    """Yield all that does not agree."""
    by_sub, events = identities_by_sub(), events_by_sub()
    sessions = list(signed_in_sessions(given["sessions"]))
    opened = Counter(user for user, _proven in sessions)
    yield from (f"a session of user {user} has no valid proof" for user, ok in sessions if not ok)
    for known in given["truth"]:
        rows, name = by_sub.pop(known["sub"], []), known["username"]
        for fault in identity_faults(known, rows):
            yield f"{name}: {fault}"
        for fault in event_faults(known, events[known["sub"]], given["done"].get(name, 0)):
            yield f"{name}: {fault}"
        if rows and opened[str(rows[0].user_id)] > known["authentications"]:
            yield f"{name}: more sessions than Cognito authenticated"
    yield from (f"an identity with an unknown sub {sub}" for sub in by_sub)
    counted = CodeFailures.objects.filter(failures__gt=0)
    yield from (f"{row.username}: {row.failures} failed attempts" for row in counted)


def main() -> None:
    given = json.load(sys.stdin)
    figures = {
        "identities": CognitoIdentity.objects.count(),
        "events": MFAEvent.objects.count(),
        "sessions": len(list(signed_in_sessions(given["sessions"]))),
        "claims": PostedStep.objects.count(),
    }
    json.dump({"faults": list(compare(given)), "figures": figures}, sys.stdout)
