"""People whose name belonged to another user before."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.urls import reverse

from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity
from tests.visitor import PASSWORD, POOL_ID, Visitor

REPLACE = "cognito_mfa:device_replace"


class Ada(Visitor):
    """One of the people who are called ada, with a browser and a phone of their own."""

    def __init__(self, pool: LocalPool, visitor: Visitor, *, name: str = "ada") -> None:
        super().__init__(Client(), visitor.cognito)
        self.name = name
        email = name if "@" in name else f"{name}-{pool.state.users_made}@example.com"
        user = pool.create_user(
            name, password=PASSWORD, attributes={"email": email, "email_verified": "true"}
        )
        self.sub, self.email = user.sub, email

    @property
    def row(self) -> CognitoIdentity:
        return CognitoIdentity.objects.get(sub=self.sub)

    def come(self) -> None:
        """Set up here, on the site."""
        self.set_up(self.name, friendly_name=f"Phone of {self.email}")

    def set_up_elsewhere(self, pool: LocalPool, *, friendly_name: str = "Mine") -> None:
        self.secret = pool.register_software_token(self.name, friendly_name=friendly_name)

    def replace(self) -> Any:
        self.post(reverse(REPLACE), {"password": PASSWORD})
        self.enter_code()
        self.cognito.clock.advance(30)
        self.scan()
        done = self.confirm_setup(friendly_name="Another phone")
        self.cognito.clock.advance(30)
        return done


def leave(pool: LocalPool, ada: Ada) -> None:
    """Delete a user in Cognito, with another tool."""
    ada.cognito.client().admin_delete_user(UserPoolId=POOL_ID, Username=ada.sub)
    ada.cognito.forget_calls()
