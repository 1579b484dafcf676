"""Passkeys: registered, listed, deleted, and signed in with, as one factor and as both.

The facts are in "Passkeys" of docs/cognito-behavior.md.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import jwt  # noqa: TID253
import pytest
from fido2.cose import EdDSA

from cognito_mfa.local import Behavior, LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.local.authenticator import Authenticator
from tests.local.caller import CLIENT_ID, POOL_ID, USED, Caller, access_token, refused
from tests.local.conftest import populated

PARTY = "auth.example.com"
PAGE = "https://auth.example.com"
MULTI = {"FactorConfiguration": "MULTI_FACTOR_WITH_USER_VERIFICATION"}
TOTP = {"SoftwareTokenMfaConfiguration": {"Enabled": True}}
OTHER_CLIENT = "otherclient000000000000000"
SCOPE = "aws.cognito.signin.user.admin"
PASSWORD_NEEDED = "Password Challenge is Required to SignIn"
UNVERIFIED = "Passkey verification failed."
ENABLE = {"WebAuthnMfaSettings": {"Enabled": True}}


def token_of(pool: LocalPool, username: str, client_id: str = CLIENT_ID) -> str:
    """An access token of a user who is signed in."""
    return str(pool.issue_tokens(username, client_id, scopes=[SCOPE])["AccessToken"])


class Site:
    """A site's page, whose users have passkeys."""

    def __init__(self, boto: Any, pool: LocalPool) -> None:
        self.boto, self.pool, self.caller = boto, pool, Caller(boto)

    def configure(self, mfa: str = "OPTIONAL", *, party: str = PARTY, **more: str) -> None:
        blocks = {} if mfa == "OFF" else TOTP
        configuration = {"RelyingPartyId": party, **more}
        self.boto.set_user_pool_mfa_config(
            UserPoolId=POOL_ID,
            MfaConfiguration=mfa,
            WebAuthnConfiguration=configuration,
            **blocks,
        )

    def options(self, token: str) -> Any:
        begun = self.boto.start_web_authn_registration(AccessToken=token)
        return begun["CredentialCreationOptions"]

    def keep(self, token: str, credential: Any) -> None:
        self.boto.complete_web_authn_registration(AccessToken=token, Credential=credential)

    def register(self, username: str = "newcomer", **settings: Any) -> Authenticator:
        authenticator = Authenticator(PAGE, **settings)
        token = token_of(self.pool, username)
        self.keep(token, authenticator.make(self.options(token)))
        return authenticator

    def asked(self, username: str = "newcomer") -> tuple[str, Any]:
        """Prefer a passkey; return the session and the options for the authenticator."""
        answer = self.caller.choose(username, PREFERRED_CHALLENGE="WEB_AUTHN")
        assert answer["ChallengeName"] == "WEB_AUTHN"
        return answer["Session"], json.loads(
            answer["ChallengeParameters"]["CREDENTIAL_REQUEST_OPTIONS"]
        )

    def signs_in(self, authenticator: Authenticator, username: str = "newcomer") -> Any:
        session, options = self.asked(username)
        return self.caller.respond(
            "WEB_AUTHN", session, username, CREDENTIAL=authenticator.sign(options)
        )


@pytest.fixture
def site(cognito: LocalCognito, boto: Any) -> Site:
    pool = populated(cognito, mfa="OPTIONAL", first_factors=["PASSWORD", "WEB_AUTHN"])
    pool.state.clients[CLIENT_ID].explicit_auth_flows.append("ALLOW_USER_AUTH")
    pool.create_client(OTHER_CLIENT)
    site = Site(boto, pool)
    site.configure()
    return site


class TestRegistration:
    def test_the_options_are_those_that_are_documented(self, site: Site) -> None:
        options = site.options(token_of(site.pool, "newcomer"))
        assert len(options.pop("challenge")) == 43
        assert options.pop("user")["name"] == "newcomer"
        assert options == {
            "authenticatorSelection": {
                "requireResidentKey": True,
                "residentKey": "required",
                "userVerification": "preferred",
            },
            "excludeCredentials": [],
            "pubKeyCredParams": [
                {"alg": -7, "type": "public-key"},
                {"alg": -257, "type": "public-key"},
            ],
            "rp": {"id": PARTY, "name": PARTY},
            "timeout": 60000,
        }

    def test_a_passkey_is_listed_and_deleted(self, site: Site) -> None:
        authenticator, token = site.register(), token_of(site.pool, "newcomer")
        (listed,) = site.boto.list_web_authn_credentials(AccessToken=token)["Credentials"]
        assert listed.pop("CreatedAt")
        assert listed == {
            "CredentialId": authenticator.id,
            "FriendlyCredentialName": "Passkey 1",
            "RelyingPartyId": PARTY,
            "AuthenticatorAttachment": "platform",
            "AuthenticatorTransports": ["internal", "hybrid"],
        }
        assert site.options(token)["excludeCredentials"] == [
            {"id": authenticator.id, "type": "public-key"}
        ]
        given = {"AccessToken": token, "CredentialId": authenticator.id}
        site.boto.delete_web_authn_credential(**given)
        assert site.boto.list_web_authn_credentials(AccessToken=token)["Credentials"] == []
        with refused("ResourceNotFoundException"):
            site.boto.delete_web_authn_credential(**given)

    def test_the_list_has_pages_and_an_end(self, site: Site) -> None:
        ids = [site.register().id for _ in range(20)]
        token = token_of(site.pool, "newcomer")
        seen: list[str] = []
        more: dict[str, Any] = {}
        while True:
            page = site.boto.list_web_authn_credentials(AccessToken=token, MaxResults=7, **more)
            seen += [one["CredentialId"] for one in page["Credentials"]]
            if "NextToken" not in page:
                break
            more = {"NextToken": page["NextToken"]}
        assert seen == ids
        with refused("LimitExceededException"):
            site.register()

    def test_a_challenge_works_once_and_not_for_ever(
        self, cognito: LocalCognito, site: Site
    ) -> None:
        token = token_of(site.pool, "newcomer")
        made = Authenticator(PAGE).make(site.options(token))
        site.keep(token, made)
        with refused("WebAuthnChallengeNotFoundException"):
            site.keep(token, made)
        late = Authenticator(PAGE).make(site.options(token))
        cognito.clock.advance(seconds=300)
        with refused("WebAuthnChallengeNotFoundException"):
            site.keep(token, late)

    def test_it_answers_the_last_challenge(self, site: Site) -> None:
        token = token_of(site.pool, "newcomer")
        early = Authenticator(PAGE).make(site.options(token))
        site.options(token)
        with refused("WebAuthnChallengeNotFoundException"):
            site.keep(token, early)

    def test_another_client_cannot_complete_it(self, site: Site) -> None:
        made = Authenticator(PAGE).make(site.options(token_of(site.pool, "newcomer")))
        with refused("WebAuthnClientMismatchException"):
            site.keep(token_of(site.pool, "newcomer", client_id=OTHER_CLIENT), made)

    @pytest.mark.parametrize(
        "origin",
        ["https://example.com", "https://auth.example.com.evil.example", "http://auth.example.com"],
    )
    def test_a_page_of_another_origin(self, site: Site, origin: str) -> None:
        token = token_of(site.pool, "newcomer")
        with refused("WebAuthnOriginNotAllowedException"):
            site.keep(token, Authenticator(origin).make(site.options(token)))

    def test_another_relying_party(self, site: Site) -> None:
        token, authenticator = token_of(site.pool, "newcomer"), Authenticator(PAGE)
        authenticator.relying_party = "example.com"
        with refused("WebAuthnRelyingPartyMismatchException"):
            site.keep(token, authenticator.make(site.options(token)))

    def test_a_key_of_another_kind(self, site: Site) -> None:
        token = token_of(site.pool, "newcomer")
        key = EdDSA({1: 1, 3: -8, -1: 6, -2: b"k" * 32})
        with refused("WebAuthnCredentialNotSupportedException"):
            site.keep(token, Authenticator(PAGE).make(site.options(token), key=key))

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda made: {},
            lambda made: {**made, "rawId": "AAAA"},
            lambda made: {**made, "response": {}},
            lambda made: {**made, "response": {**made["response"], "attestationObject": "AAAA"}},
            lambda made: {**made, "response": {**made["response"], "clientDataJSON": "e30"}},
        ],
        ids=["nothing", "another id", "empty", "no attestation", "no client data"],
    )
    def test_what_is_no_response_is_refused(
        self, site: Site, spoil: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> None:
        token = token_of(site.pool, "newcomer")
        with refused("InvalidParameterException"):
            site.keep(token, spoil(Authenticator(PAGE).make(site.options(token))))

    @pytest.mark.parametrize(
        "changes",
        [
            {"type": "password"},
            {"authenticatorAttachment": {"a": 1}},
            {"transports": "internal"},
            {"transports": [1]},
        ],
    )
    def test_what_it_says_of_its_authenticator_has_a_form(
        self, site: Site, changes: dict[str, Any]
    ) -> None:
        token = token_of(site.pool, "newcomer")
        credential = Authenticator(PAGE).make(site.options(token))
        place = credential["response"] if "transports" in changes else credential
        place.update(changes)
        with refused("InvalidParameterException"):
            site.keep(token, credential)
        assert site.pool.user("newcomer").passkeys == {}

    @pytest.mark.parametrize("username", ["newcomer", "regular"])
    def test_it_belongs_to_one_user(self, site: Site, username: str) -> None:
        authenticator = site.register()
        token = token_of(site.pool, username)
        with refused("InvalidParameterException", "The passkey is registered already."):
            site.keep(token, authenticator.make(site.options(token)))

    def test_a_pool_without_passkeys(self, cognito: LocalCognito, caller: Caller) -> None:
        pool = populated(cognito, mfa="OPTIONAL")
        given = {"AccessToken": token_of(pool, "newcomer")}
        with refused("WebAuthnNotEnabledException"):
            caller.boto.start_web_authn_registration(**given)
        with refused("WebAuthnNotEnabledException"):
            caller.boto.complete_web_authn_registration(**given, Credential={})

    def test_the_relying_party_is_the_domain_unless_it_is_given(
        self, cognito: LocalCognito, boto: Any
    ) -> None:
        pool = populated(cognito, mfa="OPTIONAL", first_factors=["PASSWORD", "WEB_AUTHN"])
        site, token = Site(boto, pool), token_of(pool, "newcomer")
        with refused("WebAuthnConfigurationMissingException"):
            site.options(token)
        boto.create_user_pool_domain(UserPoolId=POOL_ID, Domain="shop")
        assert site.options(token)["rp"]["id"] == "shop.auth.us-east-1.amazoncognito.com"


class TestSignIn:
    def test_a_passkey_signs_in(self, site: Site) -> None:
        site.pool.state.behavior = Behavior(acr_and_amr=True)
        authenticator = site.register()
        result = site.signs_in(authenticator)["AuthenticationResult"]
        said = jwt.decode(result["AccessToken"], options={"verify_signature": False})
        assert (said["amr"], said["acr"]) == (["swk"], "urn:cognito:loa:3")

    def test_it_is_among_the_choices(self, site: Site) -> None:
        assert "WEB_AUTHN" not in site.caller.choose()["AvailableChallenges"]
        authenticator = site.register()
        answer = site.caller.choose()
        assert answer["AvailableChallenges"][-1] == "WEB_AUTHN"
        asked = site.caller.respond("SELECT_CHALLENGE", answer["Session"], ANSWER="WEB_AUTHN")
        options = json.loads(asked["ChallengeParameters"]["CREDENTIAL_REQUEST_OPTIONS"])
        assert options["allowCredentials"] == [{"id": authenticator.id, "type": "public-key"}]
        answered = site.caller.respond(
            "WEB_AUTHN", asked["Session"], CREDENTIAL=authenticator.sign(options)
        )
        assert "AuthenticationResult" in answered

    def test_a_factor_that_can_be_used_is_told(self, site: Site) -> None:
        token = token_of(site.pool, "newcomer")
        site.register()
        told = site.boto.get_user_auth_factors(AccessToken=token)
        assert told["ConfiguredUserAuthFactors"] == ["PASSWORD", "WEB_AUTHN"]

    def test_each_session_has_its_own_challenge(self, site: Site) -> None:
        authenticator = site.register()
        _, first = site.asked()
        session, second = site.asked()
        assert first["challenge"] != second["challenge"]
        with refused("NotAuthorizedException", UNVERIFIED):
            site.caller.respond("WEB_AUTHN", session, CREDENTIAL=authenticator.sign(first))

    def test_a_wrong_response_ends_the_attempt(self, site: Site) -> None:
        authenticator = site.register()
        session, options = site.asked()
        with refused("NotAuthorizedException", UNVERIFIED):
            site.caller.respond("WEB_AUTHN", session, CREDENTIAL=Authenticator(PAGE).sign(options))
        with refused("NotAuthorizedException", USED):
            site.caller.respond("WEB_AUTHN", session, CREDENTIAL=authenticator.sign(options))

    def test_a_response_signs_in_once(self, site: Site) -> None:
        authenticator = site.register()
        session, options = site.asked()
        signed = authenticator.sign(options)
        site.caller.respond("WEB_AUTHN", session, CREDENTIAL=signed)
        with refused("NotAuthorizedException", USED):
            site.caller.respond("WEB_AUTHN", session, CREDENTIAL=signed)

    @pytest.mark.parametrize(
        "change",
        [
            lambda one: setattr(one, "origin", "https://auth.example.com.evil.example"),
            lambda one: setattr(one, "relying_party", "evil.example"),
            lambda one: setattr(one, "counter", -1),
            lambda one: setattr(one, "_key", Authenticator(PAGE)._key),
        ],
        ids=["another page", "another relying party", "a copy that counts from before", "a key"],
    )
    def test_what_does_not_sign_for_this_user_here(
        self, site: Site, change: Callable[[Authenticator], None]
    ) -> None:
        authenticator = site.register(counter=5)
        change(authenticator)
        if authenticator.counter == -1:
            authenticator.counter = 3
        with refused("NotAuthorizedException", UNVERIFIED):
            site.signs_in(authenticator)

    def test_a_signature_of_a_registration_is_none_of_a_sign_in(self, site: Site) -> None:
        authenticator = site.register()
        session, options = site.asked()
        with refused("NotAuthorizedException", UNVERIFIED):
            signed = authenticator.sign(options, "webauthn.create")
            site.caller.respond("WEB_AUTHN", session, CREDENTIAL=signed)

    def test_the_passkey_of_another_user(self, site: Site) -> None:
        site.register()
        others = site.register("regular")
        with refused("NotAuthorizedException", UNVERIFIED):
            site.signs_in(others)

    @pytest.mark.parametrize(("of", "signs_in"), [("newcomer", True), ("regular", False)])
    def test_it_says_whose_it_is(self, site: Site, of: str, signs_in: bool) -> None:
        authenticator = site.register()
        session, options = site.asked()
        credential = json.loads(authenticator.sign(options))
        handle = site.pool.user(of).sub.encode()
        credential["response"]["userHandle"] = base64.urlsafe_b64encode(handle).decode().rstrip("=")
        given = {"CREDENTIAL": json.dumps(credential)}
        if signs_in:
            assert access_token(site.caller.respond("WEB_AUTHN", session, **given))
            return
        with refused("NotAuthorizedException", "Passkey verification failed."):
            site.caller.respond("WEB_AUTHN", session, **given)

    def test_one_without_a_counter(self, site: Site) -> None:
        authenticator = site.register(counter=None)
        for _ in range(2):
            assert "AuthenticationResult" in site.signs_in(authenticator)

    @pytest.mark.parametrize("credential", ["", "{}", "[]", "null", "nonsense"])
    def test_what_is_no_response(self, site: Site, credential: str) -> None:
        site.register()
        session, _ = site.asked()
        with refused("InvalidParameterException"):
            site.caller.respond("WEB_AUTHN", session, CREDENTIAL=credential)

    def test_a_pool_that_requires_verification(self, site: Site) -> None:
        site.configure(UserVerification="required")
        token = token_of(site.pool, "newcomer")
        careless = Authenticator(PAGE, verifies=False)
        with refused("InvalidParameterException"):
            site.keep(token, careless.make(site.options(token)))
        authenticator = site.register()
        authenticator.verifies = False
        with refused("NotAuthorizedException", UNVERIFIED):
            site.signs_in(authenticator)


class TestSecondFactor:
    """ "regular" has an authenticator app."""

    def enable(self, site: Site, username: str = "regular") -> None:
        site.boto.set_user_mfa_preference(
            AccessToken=token_of(site.pool, username),
            SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True},
            **ENABLE,
        )

    @pytest.mark.parametrize("mfa", ["OPTIONAL", "ON"])
    def test_a_passkey_stands_for_both_where_pool_and_user_say_so(
        self, site: Site, mfa: str
    ) -> None:
        site.pool.state.behavior = Behavior(acr_and_amr=True)
        authenticator = site.register("regular")
        site.configure(mfa, **MULTI)
        with refused("NotAuthorizedException", PASSWORD_NEEDED):
            site.asked("regular")
        self.enable(site)
        _, options = site.asked("regular")
        assert options["userVerification"] == "required"
        result = site.signs_in(authenticator, "regular")["AuthenticationResult"]
        said = jwt.decode(result["AccessToken"], options={"verify_signature": False})
        assert (said["amr"], said["acr"]) == (["swk", "mfa"], "urn:cognito:loa:3")

    def test_a_pool_that_does_not_say_so_wants_the_password(self, site: Site) -> None:
        site.register("regular")
        assert "WEB_AUTHN" not in site.caller.choose("regular")["AvailableChallenges"]
        with refused("NotAuthorizedException", PASSWORD_NEEDED):
            site.asked("regular")

    def test_it_needs_verification(self, site: Site) -> None:
        authenticator = site.register("regular")
        site.configure("ON", **MULTI)
        self.enable(site)
        authenticator.verifies = False
        with refused("NotAuthorizedException", UNVERIFIED):
            site.signs_in(authenticator, "regular")

    def test_the_password_still_asks_for_the_code(self, site: Site) -> None:
        site.register("regular")
        site.configure("ON", **MULTI)
        self.enable(site)
        assert site.caller.password("regular")["ChallengeName"] == "SOFTWARE_TOKEN_MFA"

    def test_a_challenge_from_before_does_not_pass_when_a_factor_is_due_now(
        self, site: Site
    ) -> None:
        authenticator = site.register()
        session, options = site.asked()
        site.configure("ON", **MULTI)
        with refused("NotAuthorizedException", PASSWORD_NEEDED):
            site.caller.respond("WEB_AUTHN", session, CREDENTIAL=authenticator.sign(options))

    def test_what_must_be_true_to_enable_it(self, site: Site) -> None:
        """Two of the texts are measured."""
        token = {"AccessToken": token_of(site.pool, "regular")}
        both = {**ENABLE, "SoftwareTokenMfaSettings": {"Enabled": True}}
        with refused("InvalidParameterException"):
            site.boto.set_user_mfa_preference(**token, **both)
        site.configure(**MULTI)
        text = "User does not have applicable WebAuthn credentials to enable WebAuthn MFA."
        with refused("InvalidParameterException", text):
            site.boto.set_user_mfa_preference(**token, **both)
        site.register("regular")
        text = "WebAuthn MFA requires enabling an additional MFA setting."
        with refused("InvalidParameterException", text):
            site.boto.set_user_mfa_preference(**token, **ENABLE)
        site.boto.set_user_mfa_preference(**token, **both)
        shown = site.boto.get_user(**token)
        assert shown["UserMFASettingList"] == ["SOFTWARE_TOKEN_MFA"]

    def test_another_factor_stays(self, site: Site) -> None:
        site.register("regular")
        site.configure(**MULTI)
        self.enable(site)
        token = {"AccessToken": token_of(site.pool, "regular")}
        off = {"SoftwareTokenMfaSettings": {"Enabled": False}}
        with refused("InvalidParameterException"):
            site.boto.set_user_mfa_preference(**token, **off)
        disable = {"WebAuthnMfaSettings": {"Enabled": False}}
        site.boto.set_user_mfa_preference(**token, **off, **disable)
        assert "UserMFASettingList" not in site.boto.get_user(**token)

    def test_it_ends_with_the_last_passkey(self, site: Site) -> None:
        authenticator = site.register("regular")
        site.configure("ON", **MULTI)
        self.enable(site)
        token = token_of(site.pool, "regular")
        site.boto.delete_web_authn_credential(AccessToken=token, CredentialId=authenticator.id)
        site.register("regular")
        with refused("NotAuthorizedException", PASSWORD_NEEDED):
            site.asked("regular")

    def test_an_administrator_turns_it_off(self, site: Site) -> None:
        site.register("regular")
        site.configure("ON", **MULTI)
        self.enable(site)
        site.boto.admin_set_user_mfa_preference(
            UserPoolId=POOL_ID, Username="regular", WebAuthnMfaSettings={"Enabled": False}
        )
        assert "WEB_AUTHN" not in site.caller.choose("regular")["AvailableChallenges"]


class TestConfiguration:
    def test_it_is_described_with_its_default(self, site: Site) -> None:
        told = site.boto.get_user_pool_mfa_config(UserPoolId=POOL_ID)
        assert told["WebAuthnConfiguration"] == {
            "RelyingPartyId": PARTY,
            "UserVerification": "preferred",
        }

    def test_a_pool_that_requires_mfa_has_no_single_factor(self, site: Site) -> None:
        with refused("InvalidParameterException"):
            site.configure("ON")
        with refused("InvalidParameterException"):
            site.configure("ON", FactorConfiguration="SINGLE_FACTOR")
        site.configure("ON", **MULTI)

    @pytest.mark.parametrize("factor", ["EMAIL_OTP", "SMS_OTP", "WEB_AUTHN"])
    def test_nor_is_one_added_later(self, cognito: LocalCognito, boto: Any, factor: str) -> None:
        populated(cognito, mfa="ON")
        settings = {
            "MfaConfiguration": "ON",
            "Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", factor]}},
        }
        with refused("InvalidParameterException"):
            boto.update_user_pool(UserPoolId=POOL_ID, **settings)
        sms = {"SnsCallerArn": "arn:aws:iam::123456789012:role/sms"}
        with refused("InvalidParameterException"):
            boto.create_user_pool(PoolName="Shop", SmsConfiguration=sms, **settings)
