"""Where a token comes from: another issuer's, client's or provider's tokens are no one's, and so is what
no one signed. None of them proves anything, and none links a ``sub`` to a user.

The provider here hands on whatever it was given, as a package might that does not look.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse  # noqa: TID253
from django.contrib.auth import get_user_model
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.cognito import claims, token_verification
from cognito_mfa.cognito.types import Tokens
from cognito_mfa.conf import Conf
from cognito_mfa.exceptions import BadReply
from cognito_mfa.local import Behavior, LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.rules import keys
from cognito_mfa.local.wire.client import make_client
from cognito_mfa.managed_login import ProvidedTokens
from cognito_mfa.models import CognitoIdentity, SoftwareToken
from cognito_mfa.values.secret_text import SecretText
from tests.security import forging
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID, Visitor

BACKEND = "django.contrib.auth.backends.ModelBackend"
SCOPES = ["openid", "aws.cognito.signin.user.admin"]
OURS = f"https://cognito-idp.us-east-1.amazonaws.com/{POOL_ID}"
Pair = dict[str, Any]


def from_session(request: Any) -> Any:
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
    optional_pool.create_user("mallory", password=PASSWORD)
    optional_pool.register_software_token("newcomer")
    return optional_pool


@pytest.fixture
def alice(pool: LocalPool, db: None) -> Any:
    """Linked to the pool's "newcomer", with an authenticator since long ago."""
    user = get_user_model().objects.create_user("alice")
    identity = CognitoIdentity.objects.create(
        user=user,
        pool_id=POOL_ID,
        sub=pool.user("newcomer").sub,
        username="newcomer",
        status=CognitoIdentity.Status.ENABLED,
    )
    SoftwareToken.activate(identity, friendly_name="Phone")
    SoftwareToken.objects.update(verified_at="2020-01-01T00:00:00Z")
    return user


@pytest.fixture
def newborn(db: None) -> Any:
    """A user whom no one has linked yet."""
    return get_user_model().objects.create_user("newborn")


def tokens_of(pool: LocalPool, username: str = "newcomer") -> Pair:
    return pool.issue_tokens(username, CLIENT_ID, scopes=SCOPES)


def sign_in(visitor: Visitor, user: Any, tokens: Pair) -> None:
    """Another package made ``user`` the session's, and left the tokens there. It succeeds, whatever we think."""
    session = visitor.client.session
    session["theirs"] = [tokens["AccessToken"], tokens.get("IdToken", "")]
    session.save()
    visitor.client.cookies["sessionid"] = str(session.session_key)
    visitor.client.force_login(user, backend=BACKEND)
    assert visitor.client.session["_auth_user_id"] == str(user.pk)


def assert_believed(visitor: Visitor, alice: Any, tokens: Pair) -> None:
    sign_in(visitor, alice, tokens)
    assert visitor.is_in()


def assert_nobodys(visitor: Visitor, alice: Any, newborn: Any, tokens: Pair) -> None:
    """No proof for whom they name, and no link for whom they were given to."""
    sign_in(visitor, alice, tokens)
    assert "_cognito_mfa_proof" not in visitor.client.session
    assert not visitor.is_in()
    sign_in(visitor, newborn, tokens)
    assert CognitoIdentity.objects.get().user == alice


def test_what_the_others_are_measured_by(visitor: Visitor, pool: LocalPool, alice: Any) -> None:
    assert_believed(visitor, alice, tokens_of(pool))


def test_a_right_token_links(visitor: Visitor, pool: LocalPool, newborn: Any) -> None:
    sign_in(visitor, newborn, tokens_of(pool))
    assert CognitoIdentity.objects.get().sub == pool.user("newcomer").sub


# ----------------------------------------------------------------------------------------- issuer


def test_both_forms_of_awss_issuer_are_ours(visitor: Visitor, pool: LocalPool, alice: Any) -> None:
    pool.state.behavior = Behavior(updated_issuer=True)
    assert_believed(visitor, alice, tokens_of(pool))


@pytest.mark.parametrize(
    ("pool_id", "issuer"),
    [
        ("eu-west-1_x", "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_x"),
        ("eu-west-1_x", "https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_x"),
        ("cn-north-1_x", "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_x"),
        ("us-gov-west-1_x", "https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_x"),
        ("eusc-de-east-1_x", "https://cognito-idp.eusc-de-east-1.amazonaws.eu/eusc-de-east-1_x"),
    ],
)
def test_each_part_of_aws_has_its_own(pool_id: str, issuer: str) -> None:
    conf = Conf({"USER_POOL_ID": pool_id, "CLIENT_ID": "x"})
    found = token_verification.issuers(conf)
    assert issuer in found
    assert len(found) == 2


def test_the_pool_of_an_emulator_may_have_any_id(settings: Settings) -> None:
    """cognito-local's ids begin with ``local_``, and its pools are in no Region."""
    given = {"USER_POOL_ID": "local_2kFmGWGB", "CLIENT_ID": "x", "REGION": "us-east-1"}
    found = token_verification.issuers(Conf({**given, "ENDPOINT_URL": "http://localhost:9229"}))
    assert "http://localhost:9229/local_2kFmGWGB" in found
    assert "https://cognito-idp.us-east-1.amazonaws.com/local_2kFmGWGB" in found


def test_a_local_cognito_may_use_its_own_address() -> None:
    given = {
        "USER_POOL_ID": "eu-west-1_x",
        "CLIENT_ID": "x",
        "ENDPOINT_URL": "http://127.0.0.1:9229/",
    }
    assert "http://127.0.0.1:9229/eu-west-1_x" in token_verification.issuers(Conf(given))


FOREIGN = [
    f"https://evil.example/{POOL_ID}",
    f"http://cognito-idp.us-east-1.amazonaws.com/{POOL_ID}",
    f"https://cognito-idp.us-east-1.amazonaws.com.evil.example/{POOL_ID}",
    f"https://cognito-idp.us-east-1.amazonaws.com@evil.example/{POOL_ID}",
    f"https://cognito-idp.eu-west-1.amazonaws.com/{POOL_ID}",
    f"https://evil.example/cognito-idp.us-east-1.amazonaws.com/{POOL_ID}",
    f"{OURS}/",
    f"{OURS}#x",
    f"{OURS}?x",
    f" {OURS}",
    OURS.upper(),
    OURS.replace("Example00", "Other0000"),
    POOL_ID,
    "",
    [OURS],
    {OURS: OURS},
    7,
    True,
    None,
]


@pytest.mark.sweep
@pytest.mark.parametrize("token", ["AccessToken", "IdToken"])
@pytest.mark.parametrize("issuer", FOREIGN, ids=str)
def test_another_issuers_token_is_no_ones(
    visitor: Visitor, pool: LocalPool, alice: Any, newborn: Any, issuer: object, token: str
) -> None:
    """Signed by the pool itself, so that ``token_verification._is_ours`` alone refuses it, by the issuer."""
    tokens = tokens_of(pool)
    tokens[token] = forging.saying(pool, tokens[token], iss=issuer)
    assert_nobodys(visitor, alice, newborn, tokens)


@pytest.mark.parametrize("issuer", FOREIGN, ids=str)
def test_our_own_sign_in_looks_at_the_issuer_too(pool: LocalPool, issuer: object) -> None:
    """``claims.read_person``, without a signature to be checked."""
    tokens = tokens_of(pool)
    access = forging.saying(pool, tokens["AccessToken"], iss=issuer)
    with pytest.raises(BadReply):
        claims.read_person(Tokens(SecretText(access)))


# --------------------------------------------------------------------------------- the other claims


@pytest.mark.parametrize(
    "claims",
    [
        {"token_use": "id"}, {"token_use": None}, {"token_use": ["access"]},
        {"client_id": "otherclient"}, {"client_id": None}, {"client_id": [CLIENT_ID]},
        {"client_id": {CLIENT_ID: 1}}, {"client_id": None, "aud": CLIENT_ID},
        {"exp": None}, {"exp": 1_600_000_000}, {"exp": "9999999999"}, {"exp": 9e9}, {"exp": True}, {"exp": [9]},
        {"nbf": 9_999_999_999}, {"nbf": "0"}, {"nbf": False}, {"nbf": {}},
        {"sub": None}, {"sub": ""}, {"sub": ["x"]}, {"sub": {"x": 1}}, {"sub": 7}, {"sub": True},
        {"username": None}, {"username": ""}, {"username": ["newcomer"]}, {"username": 7},
    ],
    ids=str,
)  # fmt: skip
def test_an_access_token_for_another_purpose_client_or_time_is_no_ones(
    visitor: Visitor, pool: LocalPool, alice: Any, newborn: Any, claims: dict[str, Any]
) -> None:
    """Signed by the pool. ``token_verification._is_ours`` and ``is_in_force``, ``claims.read_person``."""
    tokens = tokens_of(pool)
    tokens["AccessToken"] = forging.saying(pool, tokens["AccessToken"], **claims)
    assert_nobodys(visitor, alice, newborn, tokens)


@pytest.mark.parametrize(
    "claims",
    [
        {"token_use": "access"}, {"token_use": None}, {"aud": "otherclient"}, {"aud": None}, {"aud": [CLIENT_ID]},
        {"exp": None}, {"exp": 1_600_000_000}, {"sub": "somebody-else"}, {"sub": ["x"]}, {"sub": ""},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, {"at_hash": ""}, {"at_hash": ["x"]}, {"at_hash": 7}, {"at_hash": "é"},
    ],
    ids=str,
)  # fmt: skip
def test_an_id_token_that_does_not_belong_to_it_spoils_both(
    visitor: Visitor, pool: LocalPool, alice: Any, newborn: Any, claims: dict[str, Any]
) -> None:
    """Signed by the pool. ``at_hash`` is ``token_verification.belong_together``."""
    tokens = tokens_of(pool)
    tokens["IdToken"] = forging.saying(pool, tokens["IdToken"], **claims)
    assert_nobodys(visitor, alice, newborn, tokens)


@pytest.mark.parametrize(
    "at",
    [None, "now", 1.5, True, [1], -1, -(10**400), 10**400, 9_999_999_999],
    ids=["none", "text", "float", "bool", "list", "before", "long before", "long after", "after"],
)
def test_a_time_that_cannot_be_proves_nothing_and_breaks_nothing(
    visitor: Visitor, pool: LocalPool, alice: Any, at: object
) -> None:
    """``evidence.auth_time``."""
    tokens = tokens_of(pool)
    tokens["AccessToken"] = forging.saying(pool, tokens["AccessToken"], auth_time=at)
    tokens["IdToken"] = forging.saying(pool, tokens["IdToken"], auth_time=None)
    sign_in(visitor, alice, tokens)
    assert not visitor.is_in()


@pytest.mark.parametrize(
    "amr",
    [[], ["pwd"], ["pwd", "otp"], ["fed", "mfa"], "mfa", "pwd mfa", {"mfa": True}, True, 1, "", [["mfa"]], ["MFA"]],
    ids=str,
)  # fmt: skip
def test_an_amr_that_does_not_say_mfa_is_never_a_proof(
    visitor: Visitor, pool: LocalPool, alice: Any, amr: object
) -> None:
    """``evidence.says_mfa``; Cognito, asked, would say that there is an authenticator."""
    tokens = tokens_of(pool)
    for name in ("AccessToken", "IdToken"):
        tokens[name] = forging.saying(pool, tokens[name], amr=amr)
    sign_in(visitor, alice, tokens)
    assert not visitor.is_in()
    assert "GetUser" not in visitor.cognito.operations()


def test_an_amr_that_says_mfa_is_one_without_asking(
    visitor: Visitor, pool: LocalPool, alice: Any
) -> None:
    tokens = tokens_of(pool)
    tokens["AccessToken"] = forging.saying(pool, tokens["AccessToken"], amr=["pwd", "otp", "mfa"])
    assert_believed(visitor, alice, tokens)
    assert visitor.cognito.operations() == []


@pytest.mark.parametrize("word", ["enrolled", "everyone"])
def test_a_provider_was_linked_when_the_token_was_made(
    visitor: Visitor, pool: LocalPool, alice: Any, site: Settings, word: str
) -> None:
    """Cognito, asked now, says that there is none. ``evidence._doubt_without_amr``: ``providers``."""
    site.COGNITO_MFA = {**site.COGNITO_MFA, "TRUSTED_BACKENDS": {BACKEND: word}}
    pool.state.mfa = "ON"
    tokens = tokens_of(pool)
    linked = [{"providerName": "Google", "userId": "7"}]
    tokens["IdToken"] = forging.saying(pool, tokens["IdToken"], identities=linked)
    sign_in(visitor, alice, tokens)
    assert not visitor.is_in()


@pytest.mark.parametrize("word", ["enrolled", "everyone"])
def test_a_provider_is_linked_by_now(
    visitor: Visitor, pool: LocalPool, alice: Any, site: Settings, word: str
) -> None:
    """The ID token names none yet. ``evidence._doubt_of_enrolled``, ``_doubt_of_everyone``: ``OwnAccount.providers``."""
    site.COGNITO_MFA = {**site.COGNITO_MFA, "TRUSTED_BACKENDS": {BACKEND: word}}
    pool.state.mfa = "ON"
    tokens = tokens_of(pool)
    pool.link_identity("newcomer", "Google", "7")
    sign_in(visitor, alice, tokens)
    assert not visitor.is_in()
    assert "GetUser" in visitor.cognito.operations()


def test_a_remembered_device_may_have_been_spared_the_code(
    visitor: Visitor, pool: LocalPool, alice: Any
) -> None:
    """``evidence._doubt_without_amr``: ``device_key``."""
    tokens = tokens_of(pool)
    key = "us-east-1_8c1b5b2e-0000-0000-0000-000000000000"
    tokens["AccessToken"] = forging.saying(pool, tokens["AccessToken"], device_key=key)
    sign_in(visitor, alice, tokens)
    assert not visitor.is_in()


def test_a_refreshed_token_is_no_sign_in_of_now(
    visitor: Visitor, pool: LocalPool, alice: Any
) -> None:
    """Its ``auth_time`` is that of the sign-in, whatever ``iat`` says."""
    tokens = tokens_of(pool)
    before = int(time.time()) - 3600
    for name in ("AccessToken", "IdToken"):
        tokens[name] = forging.saying(pool, tokens[name], auth_time=before)
    sign_in(visitor, alice, tokens)
    assert not visitor.is_in()
    assert visitor.cognito.operations() == []


# -------------------------------------------------------------------------------------- signatures

Forge = Callable[[LocalPool, str], str]


def _claims_and_key(pool: LocalPool, token: str) -> tuple[Any, Any]:
    return forging.claims_of(token), forging.key_of(pool, token)


def none(pool: LocalPool, token: str) -> str:
    claims, key = _claims_and_key(pool, token)
    return forging.unsigned({"alg": "none", "kid": key.kid}, claims)


def none_in_other_letters(pool: LocalPool, token: str) -> str:
    claims, key = _claims_and_key(pool, token)
    return forging.unsigned({"alg": "nOnE", "kid": key.kid}, claims)


def signature_left_out(pool: LocalPool, token: str) -> str:
    return token[: token.rindex(".") + 1]


def one_bit_of_the_signature(pool: LocalPool, token: str) -> str:
    place = token.rindex(".") + 20
    return token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]


def one_claim_changed(pool: LocalPool, token: str) -> str:
    head, _, signature = token.split(".")
    claims = forging.claims_of(token)
    body = forging.encoded(json.dumps({**claims, "jti": "x"}).encode())
    return f"{head}.{body}.{signature}"


def hmac_with_a_guess(pool: LocalPool, token: str) -> str:
    claims, key = _claims_and_key(pool, token)
    return forging.with_hmac(claims, b"x" * 32, key.kid)


def hmac_with_the_public_key(pool: LocalPool, token: str) -> str:
    claims, key = _claims_and_key(pool, token)
    return forging.with_hmac(claims, forging.public_pem(key), key.kid)


def another_algorithm_of_the_right_key(pool: LocalPool, token: str) -> str:
    return forging.signed(*_claims_and_key(pool, token), algorithm="RS512")


def padded_otherwise_with_the_right_key(pool: LocalPool, token: str) -> str:
    return forging.signed(*_claims_and_key(pool, token), algorithm="PS256")


def own_key_of_the_same_name(pool: LocalPool, token: str) -> str:
    claims, key = _claims_and_key(pool, token)
    return forging.signed(claims, forging.somebody_elses_key(key.kid))


def own_key_of_another_name(pool: LocalPool, token: str) -> str:
    return forging.signed(forging.claims_of(token), forging.somebody_elses_key("mine"))


def own_key_brought_along(pool: LocalPool, token: str) -> str:
    claims, key = _claims_and_key(pool, token)
    own = forging.somebody_elses_key(key.kid)
    return forging.signed(claims, own, head={"jwk": keys.public_jwk(own)})


def own_key_at_an_address(pool: LocalPool, token: str) -> str:
    claims, key = _claims_and_key(pool, token)
    more = {"jku": "https://evil.example/jwks.json", "x5u": "https://evil.example/"}
    return forging.signed(claims, forging.somebody_elses_key(key.kid), head=more)


def a_name_that_is_a_path(pool: LocalPool, token: str) -> str:
    own = forging.somebody_elses_key("../../../../dev/null")
    return forging.signed(forging.claims_of(token), own)


def a_name_that_is_no_text(pool: LocalPool, token: str) -> str:
    claims, key = _claims_and_key(pool, token)
    return forging.signed(claims, key, head={"kid": [key.kid]})


def nothing_but_dots(pool: LocalPool, token: str) -> str:
    return ".." if token else ""


def far_too_deep(pool: LocalPool, token: str) -> str:
    deep = forging.encoded(b"[" * 100_000)
    return f"{deep}.{deep}.AAAA"


FORGERIES: list[Forge] = [
    none, none_in_other_letters, signature_left_out, one_bit_of_the_signature, one_claim_changed, hmac_with_a_guess,
    hmac_with_the_public_key, another_algorithm_of_the_right_key, padded_otherwise_with_the_right_key,
    own_key_of_the_same_name, own_key_of_another_name, own_key_brought_along, own_key_at_an_address,
    a_name_that_is_a_path, a_name_that_is_no_text, nothing_but_dots, far_too_deep,
]  # fmt: skip


@pytest.mark.sweep
@pytest.mark.parametrize("token", ["AccessToken", "IdToken"])
@pytest.mark.parametrize("forge", FORGERIES)
def test_what_the_pool_has_not_signed_is_no_ones(
    visitor: Visitor, pool: LocalPool, alice: Any, newborn: Any, forge: Forge, token: str
) -> None:
    """Each claim is right. ``token_verification._verify_signature``."""
    tokens = tokens_of(pool)
    amr = ["pwd", "otp", "mfa"]
    good = {
        name: forging.saying(pool, tokens[name], amr=amr) for name in ("AccessToken", "IdToken")
    }
    assert_nobodys(visitor, alice, newborn, {**good, token: forge(pool, good[token])})


def test_nor_is_what_another_pool_has_signed(
    cognito: LocalCognito, visitor: Visitor, pool: LocalPool, alice: Any, newborn: Any
) -> None:
    other = cognito.create_pool("us-east-1_Staging00", mfa="OPTIONAL")
    tokens = tokens_of(pool)
    theirs = keys.keys_of(other.state).access
    claims = forging.claims_of(tokens["AccessToken"])
    tokens["AccessToken"] = forging.signed(claims, theirs)
    assert_nobodys(visitor, alice, newborn, tokens)


def test_a_token_alone_links_only_whom_cognito_names(
    visitor: Visitor, pool: LocalPool, newborn: Any
) -> None:
    """Without an ID token, and without an answer to GetUser, no one knows whether the address was verified.

    ``login._judge``: ``attributes_unknown``.
    """
    tokens = pool.issue_tokens("newcomer", CLIENT_ID, scopes=["openid"])
    sign_in(visitor, newborn, {**tokens, "IdToken": ""})
    assert not CognitoIdentity.objects.exists()
    sign_in(visitor, newborn, {**tokens_of(pool), "IdToken": ""})
    assert CognitoIdentity.objects.exists()


# --------------------------------------------------------------------------------- where keys come from


class Keys:
    """A factory of clients, for which the keys are available, and counted; the API is the local Cognito's."""

    def __init__(self) -> None:
        self.body: bytes | None = None
        self.status = 200
        self.headers = {"Cache-Control": "public, max-age=86400"}
        self.asked: list[str] = []

    def __call__(self, **kwargs: Any) -> Any:
        client: Any = make_client(**kwargs)
        client.meta.events.register_first("before-send.cognito-identity-provider", self.answer)
        return client

    def answer(self, request: Any, **_: object) -> Any:
        if request.method != "GET":
            return None
        self.asked.append(request.url)
        return (
            None if self.body is None else Answer(request.url, self.status, self.headers, self.body)
        )


class Answer(AWSResponse):
    def __init__(self, url: str, status: int, headers: Any, body: bytes) -> None:
        super().__init__(url, status, headers, None)
        self._content = body


@pytest.fixture
def published(site: Settings, pool: LocalPool) -> Keys:
    factory = Keys()
    factory.body = json.dumps(keys.jwks(pool.state)).encode()
    site.COGNITO_MFA = {**site.COGNITO_MFA, "CLIENT_FACTORY": factory}
    return factory


def test_keys_are_fetched_once_and_from_the_pools_own_address(
    visitor: Visitor, pool: LocalPool, alice: Any, published: Keys
) -> None:
    for _ in range(3):
        assert_believed(visitor, alice, tokens_of(pool))
    assert published.asked == [f"{OURS}/.well-known/jwks.json"]


def test_no_page_fetches_any(
    visitor: Visitor, pool: LocalPool, alice: Any, newborn: Any, published: Keys
) -> None:
    """Neither the gate, nor the setup page, which tells whose the token is."""
    sign_in(visitor, newborn, tokens_of(pool))
    token_verification.forget_keys()
    published.asked.clear()
    assert not visitor.is_in()
    assert visitor.get(reverse("cognito_mfa:setup")).status_code == 200
    assert visitor.get(reverse("cognito_mfa:sign_in")).status_code == 302
    assert published.asked == []


def test_made_up_names_of_keys_make_us_fetch_once(
    visitor: Visitor, pool: LocalPool, alice: Any, published: Keys
) -> None:
    """``token_verification._key``: ``ASK_AGAIN_AFTER``."""
    assert_believed(visitor, alice, tokens_of(pool))
    for number in range(5):
        tokens = tokens_of(pool)
        own = forging.somebody_elses_key(f"made up {number}")
        tokens["AccessToken"] = forging.signed(forging.claims_of(tokens["AccessToken"]), own)
        sign_in(visitor, alice, tokens)
        assert not visitor.is_in()
    assert len(published.asked) == 1


def test_a_new_key_is_found_a_minute_later(
    visitor: Visitor, pool: LocalPool, alice: Any, published: Keys
) -> None:
    right = published.body
    published.body = json.dumps({"keys": keys.jwks(pool.state)["keys"][:1]}).encode()
    sign_in(visitor, alice, tokens_of(pool))
    assert not visitor.is_in()
    published.body = right
    sign_in(visitor, alice, tokens_of(pool))
    assert not visitor.is_in()
    known = token_verification._known[POOL_ID]
    a_minute_ago = known.asked_at - token_verification.ASK_AGAIN_AFTER
    token_verification._known[POOL_ID] = known._replace(asked_at=a_minute_ago)
    assert_believed(visitor, alice, tokens_of(pool))


def test_old_keys_are_not_kept_for_ever(
    visitor: Visitor, pool: LocalPool, alice: Any, published: Keys
) -> None:
    """``token_verification._key``: ``good_until``; a key that was withdrawn signs nothing any more."""
    assert_believed(visitor, alice, tokens_of(pool))
    known = token_verification._known[POOL_ID]
    assert known.good_until - known.asked_at < token_verification.KEYS_MAX_AGE + 1
    token_verification._known[POOL_ID] = known._replace(good_until=time.monotonic())
    published.body = json.dumps({"keys": [keys.public_jwk(keys.new_key())]}).encode()
    sign_in(visitor, alice, tokens_of(pool))
    assert not visitor.is_in()


BROKEN: list[tuple[int, bytes]] = [
    (500, b"{}"), (302, b""), (404, b"{}"), (200, b""), (200, b"<html>"), (200, b"[]"), (200, b"{}"), (200, b"null"),
    (200, b'{"keys": []}'), (200, b'{"keys": {}}'), (200, b'{"keys": [7, null]}'), (200, b'{"keys": [{"kid": 7}]}'),
    (200, b'{"keys": [{"kid": "x", "kty": "RSA", "n": "AQ", "e": "AQAB"}]}'),
    (200, b'{"keys": [{"kid": "x", "kty": "oct", "k": "eHh4eHh4"}]}'),
    (200, b"[" * 100_000), (200, b" " * 2_000_000),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body"), BROKEN, ids=range(len(BROKEN)))
def test_without_keys_no_proof_no_link_and_the_sign_in_goes_on(
    visitor: Visitor,
    pool: LocalPool,
    alice: Any,
    newborn: Any,
    published: Keys,
    status: int,
    body: bytes,
) -> None:
    published.status, published.body = status, body
    assert_nobodys(visitor, alice, newborn, tokens_of(pool))


@pytest.mark.parametrize(
    "change", [{"use": "enc"}, {"alg": "RS512"}, {"kty": "oct", "k": "AAAA"}], ids=str
)
def test_a_key_that_signs_no_tokens_is_none(
    visitor: Visitor,
    pool: LocalPool,
    alice: Any,
    newborn: Any,
    published: Keys,
    change: dict[str, str],
) -> None:
    """``token_verification._is_signing_key``."""
    listed = [{**key, **change} for key in keys.jwks(pool.state)["keys"]]
    published.body = json.dumps({"keys": listed}).encode()
    assert_nobodys(visitor, alice, newborn, tokens_of(pool))


def test_keys_of_a_local_cognito_over_http(
    cognito: LocalCognito,
    visitor: Visitor,
    pool: LocalPool,
    alice: Any,
    site: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With AWS's own client, which finds it by its address."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with cognito.serve() as door:
        more = {
            "ENDPOINT_URL": door.url,
            "CLIENT_FACTORY": "cognito_mfa.cognito.make_client",
        }
        site.COGNITO_MFA = {**site.COGNITO_MFA, **more}
        assert_believed(visitor, alice, tokens_of(pool))
        tokens = tokens_of(pool)
        tokens["AccessToken"] = one_claim_changed(pool, tokens["AccessToken"])
        sign_in(visitor, alice, tokens)
        assert not visitor.is_in()
    token_verification.forget_keys()
    sign_in(visitor, alice, tokens_of(pool))  # no one answers there any more
    assert not visitor.is_in()
