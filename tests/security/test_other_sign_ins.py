"""Attacks on users who sign in elsewhere: tokens that are another user's, forged, or in
the wrong place; names and addresses that are not one's own.

The provider here reads what the tests put into the session, as a package does at its sign-in. The same
with the packages themselves is in ``tests/other_sign_ins``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import jwt  # noqa: TID253
import pytest
from asgiref.sync import async_to_sync
from cryptography.hazmat.primitives.serialization import (  # noqa: TID253
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import AsyncClient, Client
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.local import Behavior, LocalCognito, faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.rules import keys
from cognito_mfa.managed_login import ProvidedTokens
from cognito_mfa.models import CognitoIdentity, MFAEvent, SoftwareToken
from cognito_mfa.urls import urlpatterns
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID, Visitor

BACKEND = "django.contrib.auth.backends.ModelBackend"
SELF_SERVICE = "aws.cognito.signin.user.admin"
Tokens = dict[str, Any]
Change = Callable[[Tokens], Any]


def from_session(request: Any) -> Any:
    """Return what the package of this site left in the session."""
    access, identity = request.session.get("theirs", (None, None))
    return ProvidedTokens.of(access, identity) if access else None


@pytest.fixture(autouse=True)
def site(settings: Settings) -> Settings:
    settings.COGNITO_MFA = {
        **settings.COGNITO_MFA,
        "TOKEN_PROVIDER": from_session,
        "TRUSTED_BACKENDS": {BACKEND: "enrolled"},
    }
    return settings


@pytest.fixture
def pool(optional_pool: LocalPool) -> LocalPool:
    attributes = {"email": "mallory@example.com", "email_verified": "true"}
    optional_pool.create_user("mallory", password=PASSWORD, attributes=attributes)
    return optional_pool


@pytest.fixture
def alice(pool: LocalPool, db: None) -> Any:
    """Linked to the pool's "newcomer", with an authenticator since yesterday."""
    user = get_user_model().objects.create_user("alice", email="newcomer@example.com")
    identity = CognitoIdentity.objects.create(
        user=user,
        pool_id=POOL_ID,
        sub=pool.user("newcomer").sub,
        username="newcomer",
        status=CognitoIdentity.Status.ENABLED,
    )
    SoftwareToken.activate(identity, friendly_name="Phone")
    SoftwareToken.objects.update(verified_at="2020-01-01T00:00:00Z")
    pool.register_software_token("newcomer")
    return user


def tokens_of(pool: LocalPool, username: str, *, client_id: str = CLIENT_ID) -> Tokens:
    return pool.issue_tokens(username, client_id, scopes=["openid", SELF_SERVICE])


def sign_in(visitor: Visitor, user: Any, tokens: Tokens | None, **more: Any) -> None:
    """The package made ``user`` the session's, and left the tokens there."""
    session = visitor.client.session
    if tokens is not None:
        session["theirs"] = [tokens["AccessToken"], tokens.get("IdToken", "")]
    session.save()
    visitor.client.cookies["sessionid"] = str(session.session_key)
    visitor.client.force_login(user, backend=more.get("backend", BACKEND))


def start(visitor: Visitor) -> Any:
    return visitor.post(reverse("cognito_mfa:setup"))


def claims_of(token: str) -> dict[str, Any]:
    decoded: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return decoded


def test_who_came_by_a_right_sign_in_is_in(pool: LocalPool, visitor: Visitor, alice: Any) -> None:
    """What the others here are measured by."""
    sign_in(visitor, alice, tokens_of(pool, "newcomer"))
    assert visitor.is_in()


def test_tokens_of_another_person_prove_nothing(
    pool: LocalPool, visitor: Visitor, alice: Any
) -> None:
    sign_in(visitor, alice, tokens_of(pool, "mallory"))
    assert not visitor.is_in()
    refused = start(visitor)
    assert refused.answered == 403
    assert "isn’t linked to your account" in visitor.text(refused)
    assert CognitoIdentity.objects.get().username == "newcomer"


@pytest.mark.parametrize("swapped", ["AccessToken", "IdToken"])
def test_two_tokens_of_two_people_prove_nothing(
    pool: LocalPool, visitor: Visitor, alice: Any, swapped: str
) -> None:
    tokens = tokens_of(pool, "newcomer")
    tokens[swapped] = tokens_of(pool, "mallory")[swapped]
    sign_in(visitor, alice, tokens)
    assert not visitor.is_in()


@pytest.mark.parametrize(
    "answer",
    [
        {"Username": "newcomer", "UserAttributes": [{"Name": "sub", "Value": "somebody-else"}]},
        {"Username": "newcomer", "UserAttributes": []},
        {"Username": "newcomer"},
        {"UserAttributes": [{"Name": "sub", "Value": "x"}]},
        {},
    ],
    ids=str,
)
def test_cognito_is_believed_about_whose_a_token_is_or_not_at_all(
    pool: LocalPool, visitor: Visitor, db: None, answer: dict[str, Any]
) -> None:
    """Before a setup, with an answer that names another user, or no one."""
    user = get_user_model().objects.create_user("new")
    sign_in(visitor, user, tokens_of(pool, "newcomer"))
    visitor.cognito.faults.on("GetUser", faults.Body(json.dumps(answer).encode()))
    assert start(visitor).answered == 503
    assert visitor.cognito.operations() == ["GetUser"]
    assert "_cognito_mfa_pending" not in visitor.client.session


def test_a_token_that_is_sent_to_us_signs_no_one_in(
    pool: LocalPool, client: Client, alice: Any
) -> None:
    """No page of ours takes one: not in a header, a field, an address or a cookie."""
    tokens = tokens_of(pool, "newcomer")
    access, identity = tokens["AccessToken"], tokens["IdToken"]
    fields = {
        "access_token": access, "id_token": identity, "token": access, "AccessToken": access,
        "username": "newcomer", "password": access, "code": access,
    }  # fmt: skip
    client.cookies["access_token"] = client.cookies["theirs"] = access
    for pattern in urlpatterns:
        path = reverse(f"cognito_mfa:{pattern.name}")
        for token in (access, identity):
            headers = {"Authorization": f"Bearer {token}", "X-Amzn-Oidc-Accesstoken": token}
            client.get(path, {"access_token": token, "id_token": token}, headers=headers)
            client.post(path, fields, headers=headers)
            client.post(path, json.dumps(fields), content_type="application/json", headers=headers)
    headers = {"Authorization": f"Bearer {access}"}
    assert client.get("/private/", headers=headers).status_code == 302
    assert "_auth_user_id" not in client.session
    assert "_cognito_mfa_token" not in client.session


class TestTokensWithoutAChallenge:
    """Whatever Cognito issues tokens for, they do not say that a second factor was answered."""

    def test_a_sign_in_without_a_factor_proves_nothing(
        self, pool: LocalPool, visitor: Visitor
    ) -> None:
        assert visitor.sign_in().url == reverse("cognito_mfa:setup")
        assert not visitor.is_in()

    def test_the_first_tokens_after_a_sign_up_prove_nothing(
        self, cognito: LocalCognito, visitor: Visitor
    ) -> None:
        """Documented for pools that require MFA; others measured a setup instead."""
        behavior = Behavior(tokens_before_first_setup=True)
        pool = cognito.create_pool(POOL_ID, mfa="ON", behavior=behavior)
        pool.create_client(CLIENT_ID)
        pool.create_user("newcomer", password=PASSWORD)
        assert visitor.sign_in().url == reverse("cognito_mfa:setup")
        assert not visitor.is_in()

    def test_a_federated_sign_in_proves_nothing(
        self, pool: LocalPool, visitor: Visitor, db: None
    ) -> None:
        pool.create_user("Google_7", status="EXTERNAL_PROVIDER")
        pool.link_identity("Google_7", "Google", "7")
        user = get_user_model().objects.create_user("federated")
        sign_in(visitor, user, tokens_of(pool, "Google_7"))
        assert not visitor.is_in()
        assert start(visitor).answered == 403

    def test_a_name_that_reads_like_a_providers_is_not_one(
        self, pool: LocalPool, visitor: Visitor, db: None, site: Settings
    ) -> None:
        """A user of the pool's own, who has the provider linked, and a Kelvin sign in the name.

        ``claims.owning_provider``: ``ascii_lower``.
        """
        site.COGNITO_MFA = {**site.COGNITO_MFA, "FEDERATED": "exempt"}
        pool.create_user("\u212aelvin_7", password=PASSWORD)
        pool.link_identity("\u212aelvin_7", "Kelvin", "7")
        user = get_user_model().objects.create_user("own")
        sign_in(visitor, user, tokens_of(pool, "\u212aelvin_7"))
        assert not visitor.is_in()

    def test_a_provider_that_only_cognito_names_proves_nothing(
        self, pool: LocalPool, visitor: Visitor, db: None
    ) -> None:
        """The ID token was not kept, and the access token does not say."""
        pool.create_user("Google_7", status="EXTERNAL_PROVIDER")
        pool.link_identity("Google_7", "Google", "7")
        user = get_user_model().objects.create_user("federated")
        tokens = {**tokens_of(pool, "Google_7"), "IdToken": ""}
        sign_in(visitor, user, tokens)
        assert start(visitor).answered == 403
        assert visitor.cognito.operations() == ["GetUser"]

    @pytest.mark.parametrize("identity", ["", "garbage"])
    def test_without_an_id_token_a_sign_in_proves_nothing(
        self, pool: LocalPool, visitor: Visitor, alice: Any, identity: str
    ) -> None:
        tokens = {**tokens_of(pool, "newcomer"), "IdToken": identity}
        sign_in(visitor, alice, tokens)
        assert not visitor.is_in()

    def test_tokens_that_deny_a_second_factor_prove_nothing(
        self, cognito: LocalCognito, pool: LocalPool, visitor: Visitor, alice: Any, site: Settings
    ) -> None:
        """In a pool that requires MFA: the claim is a reason to refuse."""
        site.COGNITO_MFA = {**site.COGNITO_MFA, "TRUSTED_BACKENDS": {BACKEND: "everyone"}}
        pool.state.mfa = "ON"
        sign_in(visitor, alice, tokens_of(pool, "newcomer"))
        assert visitor.is_in()
        pool.state.behavior = Behavior(acr_and_amr=True)
        sign_in(visitor, alice, tokens_of(pool, "newcomer"))
        assert not visitor.is_in()

    @pytest.mark.parametrize("status", ["UNKNOWN", "NOT_SET_UP", "GONE"])
    def test_a_sign_in_without_a_known_authenticator_proves_nothing(
        self, pool: LocalPool, visitor: Visitor, alice: Any, status: str
    ) -> None:
        CognitoIdentity.objects.update(status=status)
        sign_in(visitor, alice, tokens_of(pool, "newcomer"))
        assert not visitor.is_in()

    def test_a_sign_in_from_before_the_setup_proves_nothing(
        self, pool: LocalPool, visitor: Visitor, alice: Any
    ) -> None:
        """A user with the password alone, who comes back later by a cookie of managed login."""
        tokens = tokens_of(pool, "newcomer")
        SoftwareToken.objects.update(verified_at="2999-01-01T00:00:00Z")
        sign_in(visitor, alice, tokens)
        assert not visitor.is_in()


@pytest.mark.parametrize(
    "backend",
    [
        "django.contrib.auth.backends.RemoteUserBackend",
        "django.contrib.auth.backends.AllowAllUsersModelBackend",
        "cognito_mfa.backends.CognitoBackend",
    ],
)
def test_a_sign_in_through_another_backend_meets_the_wall(
    pool: LocalPool, visitor: Visitor, alice: Any, site: Settings, backend: str
) -> None:
    """Even with good tokens of the right person in the session."""
    site.AUTHENTICATION_BACKENDS = [BACKEND, backend]
    sign_in(visitor, alice, tokens_of(pool, "newcomer"), backend=backend)
    assert "theirs" in visitor.client.session
    assert not visitor.is_in()
    assert visitor.get("/async-private/").status_code == 302


def test_a_later_sign_in_through_another_backend_ends_the_proof(
    pool: LocalPool, visitor: Visitor, alice: Any, site: Settings
) -> None:
    site.AUTHENTICATION_BACKENDS = [BACKEND, "cognito_mfa.backends.CognitoBackend"]
    sign_in(visitor, alice, tokens_of(pool, "newcomer"))
    assert visitor.is_in()
    visitor.client.force_login(alice, backend="cognito_mfa.backends.CognitoBackend")
    assert not visitor.is_in()


@pytest.mark.parametrize(
    "given",
    [
        None, 7, b"y", ["z"], {"access_token": "x"}, "", "x", "a.b.c", ProvidedTokens(7),  # type: ignore[arg-type]
        ProvidedTokens("x", ["sub"]), ProvidedTokens("x", {"sub": ["y"]}),  # type: ignore[arg-type]
    ],
    ids=range(11),
)  # fmt: skip
def test_a_provider_that_gives_nonsense_gives_nothing(
    visitor: Visitor, alice: Any, site: Settings, given: object
) -> None:
    site.COGNITO_MFA = {**site.COGNITO_MFA, "TOKEN_PROVIDER": lambda _request: given}
    visitor.client.force_login(alice, backend=BACKEND)
    assert not visitor.is_in()
    assert visitor.get(reverse("cognito_mfa:setup")).status_code == 200


def test_a_provider_that_fails_stops_no_sign_in_and_says_nothing(
    visitor: Visitor, alice: Any, site: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(_request: Any) -> str:
        raise RuntimeError("the token is eyJhbGciOi")

    site.COGNITO_MFA = {**site.COGNITO_MFA, "TOKEN_PROVIDER": failing}
    visitor.client.force_login(alice, backend=BACKEND)
    assert not visitor.is_in()
    assert "token_provider_failed: RuntimeError" in caplog.text
    assert "eyJ" not in caplog.text


def test_an_async_view_is_behind_the_same_gate(pool: LocalPool, alice: Any) -> None:
    client = AsyncClient()
    async_to_sync(client.aforce_login)(alice, backend=BACKEND)
    assert async_to_sync(client.get)("/async-private/").status_code == 302


def test_a_superuser_is_never_linked_by_a_sign_in(
    pool: LocalPool, visitor: Visitor, db: None
) -> None:
    root = get_user_model().objects.create_superuser("root")
    sign_in(visitor, root, tokens_of(pool, "mallory"))
    assert not visitor.is_in()
    assert start(visitor).answered == 403
    assert not CognitoIdentity.objects.exists()


@pytest.mark.parametrize("verified", ["false", None])
@pytest.mark.parametrize("address", ["victim@example.com", "Victim@Example.com"])
def test_an_address_that_no_one_verified_links_nothing(
    pool: LocalPool, visitor: Visitor, db: None, address: str, verified: str | None
) -> None:
    """The package took Mallory for the victim, by an address that she gave as hers."""
    victim = get_user_model().objects.create_user("victim", email="victim@example.com")
    user = pool.user("mallory")
    user.attributes["email"] = address
    user.attributes.pop("email_verified")
    if verified is not None:
        user.attributes["email_verified"] = verified
    sign_in(visitor, victim, tokens_of(pool, "mallory"))
    assert not visitor.is_in()
    assert start(visitor).answered == 403
    assert not CognitoIdentity.objects.exists()


@pytest.mark.parametrize(
    ("theirs", "hers", "reason"),
    [
        ("mike@github.example", "mike@g\u0131thub.example", "email_differs"),
        ("sam@example.org", "\u017fam@example.org", "email_differs"),
        ("kim@example.org", "\u212aim@example.org", "email_differs"),
        # What Django's own rules do not take for an address counts as none.
        ("mike@example.org", "\uff4dike@example.org", "email_not_verified"),
        ("mike@example.org", "mi\u0301ke@example.org", "email_not_verified"),
    ],
    ids=ascii,
)
def test_an_address_that_a_database_takes_for_the_same_links_nothing(
    pool: LocalPool, visitor: Visitor, db: None, theirs: str, hers: str, reason: str
) -> None:
    """The package took Mallory for the victim, as PostgreSQL or MySQL do, although hers is verified.

    ``linkability.check_linkable_by_address``: ``certainly_differ``.
    """
    victim = get_user_model().objects.create(username="victim", email=theirs)
    pool.user("mallory").attributes |= {"email": hers, "email_verified": "true"}
    sign_in(visitor, victim, tokens_of(pool, "mallory"))
    assert not visitor.is_in()
    assert start(visitor).answered == 403
    assert not CognitoIdentity.objects.exists()
    event = MFAEvent.objects.filter(kind="LINK_REFUSED").latest("pk")
    assert (event.reason, event.sub) == (reason, pool.user("mallory").sub)


def test_a_user_whose_address_is_plainly_another_is_linked(
    pool: LocalPool, visitor: Visitor, db: None
) -> None:
    """The package knows people by something else; their address may have changed since."""
    user = get_user_model().objects.create_user("mallory", email="old@example.com")
    sign_in(visitor, user, tokens_of(pool, "mallory"))
    assert CognitoIdentity.objects.get().user == user
    event = MFAEvent.objects.get(kind="LINKED")
    assert (event.username, event.detail) == ("mallory", "SIGN_IN")


@pytest.mark.parametrize("right", ["staff", "permission"])
def test_a_user_with_permissions_is_never_linked_by_a_sign_in(
    pool: LocalPool, visitor: Visitor, db: None, right: str
) -> None:
    """``linkability.check_linkable``: also for a sign-in by another package."""
    user = get_user_model().objects.create_user("editor", is_staff=right == "staff")
    if right == "permission":
        user.user_permissions.add(Permission.objects.get(codename="view_group"))
    sign_in(visitor, user, tokens_of(pool, "mallory"))
    assert not visitor.is_in()
    assert start(visitor).answered == 403
    assert not CognitoIdentity.objects.exists()


def test_a_change_of_address_moves_no_link(pool: LocalPool, visitor: Visitor, alice: Any) -> None:
    """Verified or not: the victim is linked, and Mallory's token is not the victim's."""
    pool.user("mallory").attributes |= {"email": "newcomer@example.com", "email_verified": "true"}
    sign_in(visitor, alice, tokens_of(pool, "mallory"))
    assert not visitor.is_in()
    assert CognitoIdentity.objects.get().sub == pool.user("newcomer").sub


def test_a_new_owner_of_a_username_is_another_user(
    pool: LocalPool, visitor: Visitor, alice: Any
) -> None:
    pool.state.users.pop("newcomer")
    pool.create_user("newcomer", password=PASSWORD, attributes={"email": "newcomer@example.com"})
    sign_in(visitor, alice, tokens_of(pool, "newcomer"))
    assert not visitor.is_in()
    assert start(visitor).answered == 403


def test_two_accounts_of_one_address_are_two_people(
    pool: LocalPool, visitor: Visitor, db: None
) -> None:
    """The second of them is refused where a package takes both for one user."""
    user = get_user_model().objects.create_user("one", email="one@example.com")
    for name in ("first", "second"):
        attributes = {"email": "one@example.com", "email_verified": "true"}
        pool.create_user(name, password=PASSWORD, attributes=attributes)
    sign_in(visitor, user, tokens_of(pool, "first"))
    assert start(visitor).url == reverse("cognito_mfa:setup")
    other = Visitor(Client(), visitor.cognito)
    sign_in(other, user, tokens_of(pool, "second"))
    assert start(other).answered == 403
    assert CognitoIdentity.objects.get().username == "first"


def test_a_token_of_another_pool_is_none(
    cognito: LocalCognito, pool: LocalPool, visitor: Visitor, alice: Any
) -> None:
    """With the very same sub, as in a copy of the pool for staging."""
    staging = cognito.create_pool("us-east-1_Staging00", mfa="OPTIONAL")
    staging.create_client(CLIENT_ID)
    twin = staging.create_user("newcomer", password=PASSWORD)
    twin.sub = pool.user("newcomer").sub
    staging.state.subs[twin.sub] = "newcomer"
    sign_in(visitor, alice, tokens_of(staging, "newcomer"))
    assert not visitor.is_in()
    assert start(visitor).answered in (403, 503)
    assert visitor.cognito.operations() == []


def test_a_proof_for_another_pool_is_none(
    pool: LocalPool, visitor: Visitor, alice: Any, site: Settings
) -> None:
    sign_in(visitor, alice, tokens_of(pool, "newcomer"))
    assert visitor.is_in()
    site.COGNITO_MFA = {**site.COGNITO_MFA, "USER_POOL_ID": "us-east-1_Staging00"}
    assert not visitor.is_in()


class TestForgedTokens:
    """A provider hands on what its package got from Cognito. Were it to hand on a forgery, what it
    claims is looked at, and Cognito refuses it before anything is set up."""

    def change(self, pool: LocalPool, **claims: Any) -> Tokens:
        """Tokens signed by the pool itself, with other claims."""
        tokens = tokens_of(pool, "newcomer")
        said = {**claims_of(tokens["AccessToken"]), **claims}
        kept = {name: value for name, value in said.items() if value is not None}
        key = keys.keys_of(pool.state).access
        private: Any = load_pem_private_key(key.pem.encode(), None)
        tokens["AccessToken"] = jwt.encode(kept, private, "RS256", headers={"kid": key.kid})
        return tokens

    @pytest.mark.parametrize(
        "claims",
        [
            {"client_id": "otherclient"},
            {"client_id": None},
            {"token_use": "id"},
            {"token_use": None},
            {"iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Other0000"},
            {"iss": "https://evil.example/us-east-1_Example00/"},
            {"exp": 1_600_000_000},
            {"exp": None},
            {"exp": "9999999999"},
            {"nbf": 9_999_999_999},
            {"sub": None},
            {"sub": ""},
            {"username": None},
            {"auth_time": "now"},
            {"auth_time": True},
            {"auth_time": 9_999_999_999},
        ],
        ids=str,
    )
    def test_claims_that_do_not_fit_prove_nothing(
        self, pool: LocalPool, visitor: Visitor, alice: Any, claims: dict[str, Any]
    ) -> None:
        sign_in(visitor, alice, self.change(pool, **claims))
        assert not visitor.is_in()

    def test_an_id_token_is_no_access_token(
        self, pool: LocalPool, visitor: Visitor, alice: Any
    ) -> None:
        tokens = tokens_of(pool, "newcomer")
        sign_in(visitor, alice, {**tokens, "AccessToken": tokens["IdToken"]})
        assert not visitor.is_in()

    @pytest.mark.parametrize(
        "forge",
        [
            lambda head, body, _key: unsigned({**head, "alg": "none"}, body),
            lambda head, body, _key: unsigned({**head, "alg": "nOnE"}, body),
            lambda head, body, _key: unsigned({"alg": "none"}, body),
            lambda _head, body, key: hmac_signed(body, key),
            lambda head, body, _key: unsigned(head, body) + "AAAA",
            lambda head, body, _key: own_key({**head, "jku": "https://evil.example/"}, body),
            lambda _head, body, _key: own_key({"kid": "../../../../dev/null"}, body),
            lambda head, body, _key: own_key({**head, "jwk": {"kty": "oct", "k": "AAAA"}}, body),
            lambda _head, body, _key: own_key({}, {**body, "padding": "x" * 100_000}),
        ],
        ids=[
            "none", "nOnE", "none without kid", "HMAC with the public key", "no signature", "jku",
            "kid is a path", "jwk", "huge",
        ],
    )  # fmt: skip
    def test_no_forgery_sets_anything_up(
        self, pool: LocalPool, visitor: Visitor, db: None, forge: Callable[..., str]
    ) -> None:
        user = get_user_model().objects.create_user("new")
        tokens = tokens_of(pool, "newcomer")
        access = tokens["AccessToken"]
        head, body = jwt.get_unverified_header(access), claims_of(access)
        pem = keys.keys_of(pool.state).access.pem.encode()
        private = load_pem_private_key(pem, None)
        public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        sign_in(visitor, user, {**tokens, "AccessToken": forge(head, body, public)})
        assert not visitor.is_in()
        refused = start(visitor)
        assert "pending" not in str(dict(visitor.client.session.items()))
        assert refused.answered in (302, 403, 503)
        assert "AssociateSoftwareToken" not in visitor.cognito.operations()
        assert pool.user("newcomer").pending_secret is None

    def test_of_two_claims_of_one_name_none_fools_us(
        self, pool: LocalPool, visitor: Visitor, alice: Any
    ) -> None:
        """Whichever a parser takes, the token is signed by no one."""
        tokens = tokens_of(pool, "mallory")
        head, _, _ = tokens["AccessToken"].split(".")
        body = json.dumps(claims_of(tokens["AccessToken"]))
        sub = json.dumps(pool.user("newcomer").sub)
        doubled = body[:-1] + f', "sub": {sub}' + "}"
        forged = f"{head}.{encoded(doubled.encode())}.AAAA"
        sign_in(visitor, alice, {**tokens, "AccessToken": forged})
        assert not visitor.is_in()


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unsigned(head: dict[str, Any], body: dict[str, Any]) -> str:
    return f"{encoded(json.dumps(head).encode())}.{encoded(json.dumps(body).encode())}."


def hmac_signed(body: dict[str, Any], key: bytes) -> str:
    import hashlib
    import hmac

    signed = unsigned({"alg": "HS256"}, body).rstrip(".")
    return f"{signed}.{encoded(hmac.digest(key, signed.encode(), hashlib.sha256))}"


def own_key(head: dict[str, Any], body: dict[str, Any]) -> str:
    key = keys.new_key()
    private: Any = load_pem_private_key(key.pem.encode(), None)
    return jwt.encode(body, private, "RS256", headers={"kid": key.kid, **head})
