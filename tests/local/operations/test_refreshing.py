"""GetTokensFromRefreshToken and RevokeToken.

The facts are in "Refresh and rotation" and "Revocation" of docs/cognito-behavior.md.
"""

from __future__ import annotations

from typing import Any

import jwt  # noqa: TID253
import pytest

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.local.caller import CLIENT_ID, Caller, access_token, members, refused, secret_hash
from tests.local.conftest import populated

SECRET = "exampleclientsecret00000000000000"
INVALID = "Invalid Refresh Token."
REUSED = "Refresh token reuse detected"


@pytest.fixture
def plain(cognito: LocalCognito) -> LocalPool:
    pool = populated(cognito)
    pool.create_client("rotating", rotation_grace=0)
    pool.create_client("graceful", rotation_grace=10)
    pool.create_client("confidential", secret=SECRET)
    return pool


def signed_in(boto: Any, client_id: str) -> str:
    token: str = Caller(boto, client_id).password("regular", **_hash(client_id))[
        "AuthenticationResult"
    ]["RefreshToken"]
    return token


def _hash(client_id: str) -> dict[str, str]:
    if client_id != "confidential":
        return {}
    return {"SECRET_HASH": secret_hash(SECRET, "regular", client_id)}


@pytest.fixture(autouse=True)
def without_totp(plain: LocalPool) -> None:
    user = plain.user("regular")
    user.software_token, user.enabled_factors, user.preferred_factor = None, [], None


def refresh(boto: Any, token: str, client_id: str = "rotating", **more: str) -> Any:
    answer = boto.get_tokens_from_refresh_token(RefreshToken=token, ClientId=client_id, **more)
    return answer["AuthenticationResult"]


def claims(token: str) -> Any:
    return jwt.decode(token, options={"verify_signature": False})


class TestRotation:
    def test_each_refresh_brings_the_next_token(self, either_boto: Any, plain: LocalPool) -> None:
        first = signed_in(either_boto, "rotating")
        second = refresh(either_boto, first)["RefreshToken"]
        third = refresh(either_boto, second)["RefreshToken"]
        assert len({first, second, third}) == 3

    def test_a_token_that_was_replaced_is_reuse(self, boto: Any, plain: LocalPool) -> None:
        first = signed_in(boto, "rotating")
        second = refresh(boto, first)["RefreshToken"]
        with refused("RefreshTokenReuseException", REUSED):
            refresh(boto, first)
        assert refresh(boto, second)  # measured: the family is not revoked for it

    def test_grace_lets_the_old_one_work_on(
        self, cognito: LocalCognito, boto: Any, plain: LocalPool
    ) -> None:
        """Measured: within the grace a second use forks."""
        first = signed_in(boto, "graceful")
        left = refresh(boto, first, "graceful")["RefreshToken"]
        cognito.clock.advance(9.5)
        right = refresh(boto, first, "graceful")["RefreshToken"]
        assert left != right
        cognito.clock.advance(0.5)
        with refused("RefreshTokenReuseException", REUSED):
            refresh(boto, first, "graceful")
        for token in (left, right):
            assert refresh(boto, token, "graceful")

    def test_a_second_use_does_not_lengthen_the_grace(
        self, cognito: LocalCognito, boto: Any, plain: LocalPool
    ) -> None:
        first = signed_in(boto, "graceful")
        refresh(boto, first, "graceful")
        cognito.clock.advance(9)
        refresh(boto, first, "graceful")
        cognito.clock.advance(1)
        with refused("RefreshTokenReuseException"):
            refresh(boto, first, "graceful")

    def test_it_gives_no_more_time(
        self, cognito: LocalCognito, boto: Any, plain: LocalPool
    ) -> None:
        """The new token is valid for the remaining lifetime."""
        token = signed_in(boto, "rotating")
        cognito.clock.advance(29 * 86400)
        token = refresh(boto, token)["RefreshToken"]
        cognito.clock.advance(86400)
        with refused("NotAuthorizedException", "Refresh Token has expired"):
            refresh(boto, token)

    def test_the_older_flow_is_closed(self, boto: Any, plain: LocalPool) -> None:
        token = signed_in(boto, "rotating")
        with refused("InvalidParameterException", "Auth flow not enabled for this client"):
            Caller(boto, "rotating").refresh(token)

    def test_the_sign_in_stays_the_same(
        self, cognito: LocalCognito, boto: Any, plain: LocalPool
    ) -> None:
        """origin_jti and auth_time."""
        first = Caller(boto, "rotating").password("regular")["AuthenticationResult"]
        cognito.clock.advance(60)
        second = refresh(boto, first["RefreshToken"])
        before, after = claims(first["AccessToken"]), claims(second["AccessToken"])
        for name in ("origin_jti", "auth_time", "event_id", "sub"):
            assert before[name] == after[name]
        assert before["jti"] != after["jti"]
        assert claims(second["IdToken"])["origin_jti"] == after["origin_jti"]

    def test_the_api_makes_such_a_client(self, boto: Any, plain: LocalPool) -> None:
        rotation = {"Feature": "ENABLED", "RetryGracePeriodSeconds": 60}
        made = boto.create_user_pool_client(
            UserPoolId=plain.id, ClientName="rotating", RefreshTokenRotation=rotation
        )["UserPoolClient"]
        assert made["RefreshTokenRotation"] == rotation
        assert plain.state.clients[made["ClientId"]].rotation_grace == 60


class TestWithoutRotation:
    def test_the_token_stays(self, boto: Any, plain: LocalPool) -> None:
        token = signed_in(boto, CLIENT_ID)
        for _ in range(2):
            result = refresh(boto, token, CLIENT_ID)
            assert "RefreshToken" not in result
            assert result["AccessToken"]

    def test_a_token_of_another_client_is_none(self, boto: Any, plain: LocalPool) -> None:
        with refused("NotAuthorizedException", INVALID):
            refresh(boto, signed_in(boto, CLIENT_ID), "rotating")

    def test_an_unknown_token_is_none(self, boto: Any, plain: LocalPool) -> None:
        with refused("NotAuthorizedException", INVALID):
            refresh(boto, "some.token", CLIENT_ID)

    def test_it_takes_the_secret_itself(self, boto: Any, plain: LocalPool) -> None:
        """No hash."""
        token = signed_in(boto, "confidential")
        assert refresh(boto, token, "confidential", ClientSecret=SECRET)
        for more in ({}, {"ClientSecret": "x" * 32}):
            with refused("NotAuthorizedException"):
                refresh(boto, token, "confidential", **more)

    def test_a_user_who_is_gone_is_not_found(
        self, cognito: LocalCognito, boto: Any, plain: LocalPool
    ) -> None:
        token = signed_in(boto, CLIENT_ID)
        boto.admin_delete_user(UserPoolId=plain.id, Username="regular")
        with refused("UserNotFoundException"):
            refresh(boto, token, CLIENT_ID)


class TestRevoke:
    def revoke(self, boto: Any, token: str, client_id: str = CLIENT_ID, **more: str) -> Any:
        return members(boto.revoke_token(Token=token, ClientId=client_id, **more))

    def test_everything_of_the_sign_in_ends(self, boto: Any, plain: LocalPool) -> None:
        result = Caller(boto).password("regular")["AuthenticationResult"]
        assert self.revoke(boto, result["RefreshToken"]) == {}
        with refused("NotAuthorizedException", "Access Token has been revoked"):
            boto.get_user(AccessToken=result["AccessToken"])
        with refused("NotAuthorizedException", "Refresh Token has been revoked"):
            Caller(boto).refresh(result["RefreshToken"])

    def test_other_sign_ins_go_on(self, boto: Any, plain: LocalPool) -> None:
        first, second = (Caller(boto).password("regular") for _ in range(2))
        self.revoke(boto, first["AuthenticationResult"]["RefreshToken"])
        assert boto.get_user(AccessToken=access_token(second))

    def test_again_is_no_error(self, boto: Any, plain: LocalPool) -> None:
        """Measured."""
        token = signed_in(boto, CLIENT_ID)
        assert self.revoke(boto, token) == self.revoke(boto, token) == {}

    def test_all_of_a_rotated_family_ends(self, boto: Any, plain: LocalPool) -> None:
        first = signed_in(boto, "rotating")
        second = refresh(boto, first)["RefreshToken"]
        self.revoke(boto, first, "rotating")
        with refused("NotAuthorizedException", "Refresh Token has been revoked"):
            refresh(boto, second)

    @pytest.mark.parametrize("kind", ["AccessToken", "IdToken"])
    def test_only_refresh_tokens(self, boto: Any, plain: LocalPool, kind: str) -> None:
        result = Caller(boto).password("regular")["AuthenticationResult"]
        with refused("UnsupportedTokenTypeException"):
            self.revoke(boto, result[kind])

    @pytest.mark.parametrize(
        ("client_id", "more"),
        [
            ("nobody", {}),
            ("rotating", {}),
            ("confidential", {}),
            ("confidential", {"ClientSecret": "x" * 32}),
        ],
    )
    def test_the_client_must_be_the_one(
        self, boto: Any, plain: LocalPool, client_id: str, more: dict[str, str]
    ) -> None:
        with refused("UnauthorizedException"):
            self.revoke(boto, signed_in(boto, CLIENT_ID), client_id, **more)

    def test_a_confidential_client_sends_its_secret(self, boto: Any, plain: LocalPool) -> None:
        token = signed_in(boto, "confidential")
        assert self.revoke(boto, token, "confidential", ClientSecret=SECRET) == {}

    def test_a_client_may_be_without_revocation(self, boto: Any, plain: LocalPool) -> None:
        plain.create_client("older", enable_token_revocation=False)
        with refused("UnsupportedOperationException"):
            self.revoke(boto, signed_in(boto, "older"), "older")

    def test_nonsense_is_refused(self, boto: Any, plain: LocalPool) -> None:
        with refused("InvalidParameterException"):
            self.revoke(boto, "a.b.c.d.e")
