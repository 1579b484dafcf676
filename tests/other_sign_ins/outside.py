"""What a user does to a person's second factor outside this site: another app of the pool, an
administrator in the AWS console, a script. After each of these, our rows say what is true no longer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.visitor import PASSWORD, POOL_ID

OTHER_APP = "otherapp00000000000000000"
NAMED = {"UserPoolId": POOL_ID, "Username": "newcomer"}
OFF = {"SoftwareTokenMfaSettings": {"Enabled": False, "PreferredMfa": False}}
ON = {"SoftwareTokenMfaSettings": {"Enabled": True, "PreferredMfa": True}}


class Outside:
    """Another app of the same pool, and an administrator's script."""

    def __init__(self, cognito: LocalCognito, pool: LocalPool) -> None:
        self.cognito = cognito
        self.boto: Any = cognito.client()
        self.pool = pool
        if OTHER_APP not in pool.state.clients:
            pool.create_client(OTHER_APP)
        self.own_token = ""  # of the person, who is signed in there

    def sign_in(self) -> None:
        """The person signs in there, with the password and, if asked for it, a code."""
        answer = self.boto.initiate_auth(
            ClientId=OTHER_APP,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": "newcomer", "PASSWORD": PASSWORD},
        )
        if "ChallengeName" in answer:
            given = {
                "USERNAME": "newcomer",
                "SOFTWARE_TOKEN_MFA_CODE": self.pool.code_for("newcomer"),
            }
            answer = self.boto.respond_to_auth_challenge(
                ClientId=OTHER_APP,
                ChallengeName=answer["ChallengeName"],
                Session=answer["Session"],
                ChallengeResponses=given,
            )
            token = self.pool.user("newcomer").software_token
            assert token is not None
            token.used_steps.clear()
        self.own_token = answer["AuthenticationResult"]["AccessToken"]


def admin_prefers_off(outside: Outside) -> None:
    outside.boto.admin_set_user_mfa_preference(**NAMED, **OFF)


def person_prefers_off(outside: Outside) -> None:
    outside.sign_in()
    outside.boto.set_user_mfa_preference(AccessToken=outside.own_token, **OFF)


def admin_deletes_the_authenticator(outside: Outside) -> None:
    outside.boto.admin_delete_software_token(**NAMED)


def another_one_is_verified_and_not_preferred(outside: Outside) -> None:
    outside.boto.admin_delete_software_token(**NAMED)
    outside.sign_in()
    outside.boto.associate_software_token(AccessToken=outside.own_token)
    code = outside.pool.pending_code_for("newcomer")
    outside.boto.verify_software_token(AccessToken=outside.own_token, UserCode=code)


def the_person_is_made_anew(outside: Outside) -> None:
    outside.boto.admin_delete_user(**NAMED)
    attributes = [
        {"Name": "email", "Value": "newcomer@example.com"},
        {"Name": "email_verified", "Value": "true"},
    ]
    outside.boto.admin_create_user(**NAMED, UserAttributes=attributes, MessageAction="SUPPRESS")
    outside.boto.admin_set_user_password(**NAMED, Password=PASSWORD, Permanent=True)


def the_pool_turns_mfa_off(outside: Outside) -> None:
    outside.boto.set_user_pool_mfa_config(UserPoolId=POOL_ID, MfaConfiguration="OFF")


def the_pool_is_updated_without_mfa(outside: Outside) -> None:
    """Where UpdateUserPool sets to its default what it is not told, as documented."""
    outside.cognito.behave(pool_updates_reset_everything=True)
    outside.boto.update_user_pool(UserPoolId=POOL_ID)


LET_IN: list[Callable[[Outside], None]] = [
    admin_prefers_off,
    person_prefers_off,
    admin_deletes_the_authenticator,
    another_one_is_verified_and_not_preferred,
    the_person_is_made_anew,
    the_pool_turns_mfa_off,
    the_pool_is_updated_without_mfa,
]
