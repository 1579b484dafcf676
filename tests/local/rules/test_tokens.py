"""Claims, signatures, lifetimes, and who may do what with tokens.

The facts are in "Tokens" of docs/cognito-behavior.md.
"""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

import jwt  # noqa: TID253
import pytest

from cognito_mfa.local import Behavior, Clock, LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID, Caller, access_token, refused
from tests.local.conftest import http_client, populated

ISSUER = f"https://cognito-idp.us-east-1.amazonaws.com/{POOL_ID}"
SCOPE = "aws.cognito.signin.user.admin"
INVALID = "Invalid Access Token"
SHARED_CLAIMS = {
    "auth_time",
    "event_id",
    "exp",
    "iat",
    "iss",
    "jti",
    "origin_jti",
    "sub",
    "token_use",
}


def tokens(caller: Caller, username: str = "newcomer") -> dict[str, Any]:
    result: dict[str, Any] = caller.password(username)["AuthenticationResult"]
    return result


def claims(token: str) -> dict[str, Any]:
    decoded: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return decoded


def test_the_claims_of_an_access_token(caller: Caller, optional_pool: LocalPool) -> None:
    """client_id and no aud; username; the one scope; no attributes."""
    found = claims(tokens(caller)["AccessToken"])
    assert set(found) == SHARED_CLAIMS | {"client_id", "scope", "username"}
    assert found["token_use"] == "access"
    assert found["client_id"] == CLIENT_ID
    assert found["scope"] == SCOPE
    assert found["username"] == "newcomer"
    assert found["iss"] == ISSUER
    assert found["sub"] == optional_pool.user("newcomer").sub


def test_the_claims_of_an_id_token(caller: Caller, optional_pool: LocalPool) -> None:
    """aud and cognito:username; attributes, flags as Booleans."""
    optional_pool.user("newcomer").attributes["email_verified"] = "true"
    found = claims(tokens(caller)["IdToken"])
    assert set(found) == SHARED_CLAIMS | {"aud", "cognito:username", "email", "email_verified"}
    assert found["token_use"] == "id"
    assert found["aud"] == CLIENT_ID
    assert found["email_verified"] is True


def test_both_tokens_of_a_sign_in_share_origin_jti_and_nothing_else_is_the_same(
    cognito: LocalCognito, caller: Caller, optional_pool: LocalPool
) -> None:
    """origin_jti and auth_time stay through refreshes, jti is unique."""
    first = tokens(caller)
    cognito.clock.advance(100)
    second = caller.refresh(first["RefreshToken"])["AuthenticationResult"]
    found = [
        claims(result[kind]) for result in (first, second) for kind in ("AccessToken", "IdToken")
    ]
    assert len({one["origin_jti"] for one in found}) == 1
    assert len({one["auth_time"] for one in found}) == 1
    assert len({one["jti"] for one in found}) == 4
    assert found[2]["iat"] == found[0]["iat"] + 100


def test_a_client_without_revocation_has_no_origin_jti(
    cognito: LocalCognito, optional_pool: LocalPool
) -> None:
    optional_pool.create_client("plain", enable_token_revocation=False)
    result = tokens(Caller(cognito.client(), "plain"))
    assert "origin_jti" not in claims(result["AccessToken"])
    assert cognito.client().get_user(AccessToken=result["AccessToken"])["Username"] == "newcomer"


def test_a_pool_that_signs_in_with_an_address_shows_the_sub(cognito: LocalCognito) -> None:
    pool = cognito.create_pool(POOL_ID, username_attributes=["email"])
    pool.create_client(CLIENT_ID)
    user = pool.create_user("ada@example.com", password=PASSWORD)
    result = tokens(Caller(cognito.client()), "ada@example.com")
    assert claims(result["AccessToken"])["username"] == user.sub
    assert claims(result["IdToken"])["cognito:username"] == user.sub
    assert claims(result["IdToken"])["email"] == "ada@example.com"


class TestSignatures:
    """Checked with PyJWT, which is not ours."""

    def verified(self, cognito: LocalCognito, token: str, audience: str | None) -> Any:
        with cognito.serve() as server:
            keys = jwt.PyJWKClient(f"{server.url}/{POOL_ID}/.well-known/jwks.json")
            key = keys.get_signing_key_from_jwt(token).key
        options: Any = {"verify_aud": audience is not None}
        return jwt.decode(
            token, key, algorithms=["RS256"], audience=audience, issuer=ISSUER, options=options
        )

    @pytest.fixture
    def cognito(self) -> LocalCognito:
        """Of this very moment, since PyJWT has no other clock."""
        return LocalCognito(Clock(time.time()))

    def test_both_tokens_verify_against_the_published_keys(
        self, cognito: LocalCognito, caller: Caller, optional_pool: LocalPool
    ) -> None:
        result = tokens(caller)
        assert self.verified(cognito, result["IdToken"], CLIENT_ID)["token_use"] == "id"
        assert self.verified(cognito, result["AccessToken"], None)["token_use"] == "access"

    def test_each_kind_has_a_key_of_its_own(
        self, cognito: LocalCognito, caller: Caller, optional_pool: LocalPool
    ) -> None:
        result = tokens(caller)
        heads = [jwt.get_unverified_header(result[kind]) for kind in ("IdToken", "AccessToken")]
        assert heads[0]["kid"] != heads[1]["kid"]
        assert {head["alg"] for head in heads} == {"RS256"}

    def test_pools_do_not_share_keys(self, cognito: LocalCognito, optional_pool: LocalPool) -> None:
        cognito.create_pool("us-east-1_Another00")
        with cognito.serve() as server:
            kids = [
                key["kid"]
                for pool in cognito.pools()
                for key in document(server.url, f"{pool.id}/.well-known/jwks.json")["keys"]
            ]
        assert len(set(kids)) == 4

    def test_discovery_names_the_keys(
        self, cognito: LocalCognito, optional_pool: LocalPool
    ) -> None:
        with cognito.serve() as server:
            found = document(server.url, f"{POOL_ID}/.well-known/openid-configuration")
            assert found["issuer"] == ISSUER
            assert found["jwks_uri"] == f"{server.url}/{POOL_ID}/.well-known/jwks.json"


class TestAccess:
    """What an operation that takes an access token says to others."""

    def test_an_expired_one(
        self, cognito: LocalCognito, either: Caller, optional_pool: LocalPool
    ) -> None:
        token = access_token(either.password())
        cognito.clock.advance(3599)
        either.boto.get_user(AccessToken=token)
        cognito.clock.advance(1)
        with refused("NotAuthorizedException", "Access Token has expired"):
            either.boto.get_user(AccessToken=token)

    def test_a_revoked_one(self, either: Caller, optional_pool: LocalPool) -> None:
        token = access_token(either.password())
        either.boto.global_sign_out(AccessToken=token)
        for call in (either.boto.get_user, either.boto.global_sign_out):
            with refused("NotAuthorizedException", "Access Token has been revoked"):
                call(AccessToken=token)

    def test_an_id_token(self, caller: Caller, optional_pool: LocalPool) -> None:
        with refused("NotAuthorizedException", INVALID):
            caller.boto.get_user(AccessToken=tokens(caller)["IdToken"])

    @pytest.mark.parametrize("token", ["x", "a.b", "a.b.c", "....", "e30.e30.e30", "bnVsbA.W10.eA"])
    def test_rubbish(self, boto: Any, optional_pool: LocalPool, token: str) -> None:
        with refused("NotAuthorizedException", INVALID):
            boto.get_user(AccessToken=token)

    def test_one_whose_signature_is_anothers(
        self, caller: Caller, optional_pool: LocalPool
    ) -> None:
        first, second = (access_token(caller.password()) for _ in range(2))
        mixed = first.rpartition(".")[0] + "." + second.rpartition(".")[2]
        with refused("NotAuthorizedException", INVALID):
            caller.boto.get_user(AccessToken=mixed)

    @pytest.mark.parametrize("algorithm", ["none", "HS256"])
    def test_one_of_another_algorithm(
        self, caller: Caller, optional_pool: LocalPool, algorithm: str
    ) -> None:
        token = access_token(caller.password())
        kid = jwt.get_unverified_header(token)["kid"]
        key = "" if algorithm == "none" else "k" * 32
        forged = jwt.encode(claims(token), key, algorithm=algorithm, headers={"kid": kid})
        with refused("NotAuthorizedException", INVALID):
            caller.boto.get_user(AccessToken=forged or "x")

    def test_one_of_another_pool(
        self, cognito: LocalCognito, caller: Caller, optional_pool: LocalPool
    ) -> None:
        other = LocalCognito(cognito.clock)
        other.create_pool("us-east-1_Another00").create_client(CLIENT_ID)
        other.pool("us-east-1_Another00").create_user("newcomer", password=PASSWORD)
        token = access_token(Caller(other.client()).password())
        with refused("NotAuthorizedException", INVALID):
            caller.boto.get_user(AccessToken=token)

    def test_one_without_the_scope(self, boto: Any, optional_pool: LocalPool) -> None:
        """What managed login issues when the scope was not requested."""
        result = optional_pool.issue_tokens("newcomer", CLIENT_ID, scopes=["openid", "email"])
        with refused("NotAuthorizedException", "Access Token does not have required scopes"):
            boto.get_user(AccessToken=result["AccessToken"])

    @pytest.mark.parametrize(
        ("call", "arguments"),
        [
            ("get_user", {}),
            ("get_user_auth_factors", {}),
            ("set_user_mfa_preference", {}),
            ("associate_software_token", {}),
            ("verify_software_token", {"UserCode": "123456"}),
            ("global_sign_out", {}),
        ],
    )
    def test_every_operation_checks(
        self, caller: Caller, optional_pool: LocalPool, call: str, arguments: dict[str, str]
    ) -> None:
        token = access_token(caller.password())
        caller.boto.admin_user_global_sign_out(UserPoolId=POOL_ID, Username="newcomer")
        with refused("NotAuthorizedException", "Access Token has been revoked"):
            getattr(caller.boto, call)(AccessToken=token, **arguments)

    @pytest.mark.parametrize(
        ("call", "code"),
        [
            ("get_user", "UserNotFoundException"),
            ("set_user_mfa_preference", "UserNotFoundException"),
            ("associate_software_token", "NotAuthorizedException"),
            ("global_sign_out", "NotAuthorizedException"),
        ],
    )
    def test_a_deleted_user_is_gone(
        self, caller: Caller, optional_pool: LocalPool, call: str, code: str
    ) -> None:
        token = access_token(caller.password())
        caller.boto.admin_delete_user(UserPoolId=POOL_ID, Username="newcomer")
        with refused(code):
            getattr(caller.boto, call)(AccessToken=token)

    def test_disabling_a_user_ends_the_tokens_for_good(
        self, caller: Caller, optional_pool: LocalPool
    ) -> None:
        token = access_token(caller.password())
        caller.boto.admin_disable_user(UserPoolId=POOL_ID, Username="newcomer")
        with refused("NotAuthorizedException"):
            caller.boto.get_user(AccessToken=token)
        caller.boto.admin_enable_user(UserPoolId=POOL_ID, Username="newcomer")
        with refused("NotAuthorizedException", "Access Token has been revoked"):
            caller.boto.get_user(AccessToken=token)

    def test_a_sign_in_right_after_a_sign_out_works(
        self, caller: Caller, optional_pool: LocalPool
    ) -> None:
        """Cognito has a race within the same second, which is not implemented here."""
        caller.boto.global_sign_out(AccessToken=access_token(caller.password()))
        assert caller.boto.get_user(AccessToken=access_token(caller.password()))

    def test_one_users_sign_out_leaves_the_others(
        self, caller: Caller, optional_pool: LocalPool
    ) -> None:
        other = access_token(caller.password())
        optional_pool.create_user("third", password=PASSWORD)
        caller.boto.global_sign_out(AccessToken=access_token(caller.password("third")))
        assert caller.boto.get_user(AccessToken=other)["Username"] == "newcomer"


class TestSwitches:
    """What AWS rolls out to one pool after another."""

    def test_no_claim_tells_how_by_default(self, caller: Caller, optional_pool: LocalPool) -> None:
        assert {"acr", "amr"}.isdisjoint(claims(access_token(caller.password())))

    def test_acr_and_amr_tell_how(self, cognito: LocalCognito) -> None:
        """In both tokens, kept by a refresh."""
        pool = populated(cognito, mfa="ON", behavior=Behavior(acr_and_amr=True))
        caller = Caller(cognito.client())
        session = caller.password("regular")["Session"]
        result = caller.enter_code(session, pool.code_for("regular"))["AuthenticationResult"]
        again = caller.refresh(result["RefreshToken"])["AuthenticationResult"]
        for token in (result["IdToken"], result["AccessToken"], again["AccessToken"]):
            assert claims(token)["acr"] == "urn:cognito:loa:4"
            assert claims(token)["amr"] == ["pwd", "otp", "mfa"]

    def test_a_password_alone_is_level_one(self, cognito: LocalCognito) -> None:
        populated(cognito, mfa="OPTIONAL", behavior=Behavior(acr_and_amr=True))
        found = claims(access_token(Caller(cognito.client()).password()))
        assert (found["acr"], found["amr"]) == ("urn:cognito:loa:1", ["pwd"])

    def test_the_issuer_may_be_the_newer_one(self, cognito: LocalCognito) -> None:
        populated(cognito, mfa="OPTIONAL", behavior=Behavior(updated_issuer=True))
        caller = Caller(cognito.client())
        token = access_token(caller.password())
        host = "issuer-cognito-idp.us-east-1.amazonaws.com"
        assert claims(token)["iss"] == f"https://{host}/{POOL_ID}"
        assert caller.boto.get_user(AccessToken=token)["Username"] == "newcomer"


def test_read_attributes_limit_what_an_id_token_shows(boto: Any, optional_pool: LocalPool) -> None:
    made = boto.create_user_pool_client(
        UserPoolId=POOL_ID,
        ClientName="narrow",
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"],
        ReadAttributes=["name"],
    )["UserPoolClient"]
    found = claims(tokens(Caller(boto, made["ClientId"]))["IdToken"])
    assert "email" not in found


def test_lifetimes_are_the_clients(boto: Any, optional_pool: LocalPool) -> None:
    made = boto.create_user_pool_client(
        UserPoolId=POOL_ID,
        ClientName="short",
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"],
        AccessTokenValidity=5,
        IdTokenValidity=600,
        TokenValidityUnits={"AccessToken": "minutes", "IdToken": "seconds"},
    )["UserPoolClient"]
    result = tokens(Caller(boto, made["ClientId"]))
    assert result["ExpiresIn"] == 300
    lifetimes = {
        kind: claims(result[kind])["exp"] - claims(result[kind])["iat"]
        for kind in ("AccessToken", "IdToken")
    }
    assert lifetimes == {"AccessToken": 300, "IdToken": 600}


def test_keys_are_the_same_over_http(
    cognito: LocalCognito, caller: Caller, optional_pool: LocalPool
) -> None:
    token = access_token(caller.password())
    with cognito.serve() as server:
        assert http_client(server.url).get_user(AccessToken=token)["Username"] == "newcomer"


def test_tokens_that_expired_long_ago_are_forgotten(
    cognito: LocalCognito, caller: Caller, optional_pool: LocalPool
) -> None:
    """So that a state file of years does not grow: their text is that of any unknown token."""
    result = tokens(caller)
    cognito.clock.advance(32 * 86400)
    tokens(caller)
    assert len(optional_pool.state.families) == len(optional_pool.state.refresh_tokens) == 1
    with refused("NotAuthorizedException", "Invalid Refresh Token."):
        caller.refresh(result["RefreshToken"])


def document(url: str, path: str) -> Any:
    with urllib.request.urlopen(f"{url}/{path}") as response:  # noqa: S310 - our own server
        return json.load(response)
