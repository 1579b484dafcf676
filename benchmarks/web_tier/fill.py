"""Creates the users of the site: links for ours, passwords and codes for django-allauth.

It reads the users that Cognito's process printed.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from web_settings import GIVEN, IS_OURS


def fill_ours(people: list[dict[str, Any]]) -> None:
    from cognito_mfa.models import CognitoIdentity, SoftwareToken

    status = CognitoIdentity.Status
    users = User.objects.bulk_create([User(username=one["username"]) for one in people])
    identities = CognitoIdentity.objects.bulk_create(
        [
            CognitoIdentity(
                user=user,
                pool_id=GIVEN["pool"],
                sub=one["sub"],
                username=one["username"],
                status=status.ENABLED if one["secret"] else status.NOT_SET_UP,
            )
            for user, one in zip(users, people, strict=True)
        ]
    )
    for identity, one in zip(identities, people, strict=True):
        if one["secret"]:
            SoftwareToken.activate(identity, friendly_name="Phone")


def fill_allauth(people: list[dict[str, Any]]) -> None:
    from allauth.mfa.totp.internal import auth

    people = [one for one in people if one["secret"]]
    password = make_password(people[0]["password"])
    made = [User(username=one["username"], password=password) for one in people]
    for user, one in zip(User.objects.bulk_create(made), people, strict=True):
        secret = one["secret"]
        auth.TOTP.activate(user, secret + "=" * (-len(secret) % 8))  # its decoder wants padding


def main() -> None:
    fill = fill_ours if IS_OURS else fill_allauth
    fill(json.load(sys.stdin))
