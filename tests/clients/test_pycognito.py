"""pycognito, which signs in with SRP, checks every token against the published keys, and knows
tracked devices."""

from __future__ import annotations

from typing import Any

import pyotp
import pytest
from pycognito import AWSSRP, Cognito
from pycognito.aws_srp import generate_hash_device
from pycognito.exceptions import SoftwareTokenMFAChallengeException

from tests.clients.conftest import Site
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID
from tests.local.raw import request


@pytest.fixture
def ada(site: Site, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A program with pycognito, sent here by its environment. The keys that it checks tokens with
    come from our server too: it looks for them at AWS otherwise."""
    keys = request(site.url, "GET", f"/{POOL_ID}/.well-known/jwks.json").json()["keys"]
    monkeypatch.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", site.url)
    ada = Cognito(POOL_ID, CLIENT_ID, username="ada", access_key="local", secret_key="local")
    ada.pool_jwk = {"keys": keys}
    return ada


def srp(ada: Any, **device: str) -> Any:
    return AWSSRP("ada", PASSWORD, POOL_ID, CLIENT_ID, client=ada.client, **device)


def test_the_whole_way(site: Site, ada: Any) -> None:
    ada.set_base_attributes(email="ada@example.com")
    ada.register("ada", PASSWORD)
    ada.confirm_sign_up(site.cognito.outbox[0].code)

    asked = srp(ada).authenticate_user()
    assert asked["ChallengeName"] == "MFA_SETUP"
    associated = ada.client.associate_software_token(Session=asked["Session"])
    authenticator = pyotp.TOTP(associated["SecretCode"])
    verified = ada.client.verify_software_token(
        Session=associated["Session"], UserCode=code(site, authenticator)
    )
    assert verified["Status"] == "SUCCESS"
    done = ada.client.respond_to_auth_challenge(
        ClientId=CLIENT_ID,
        ChallengeName="MFA_SETUP",
        Session=verified["Session"],
        ChallengeResponses={"USERNAME": "ada"},
    )
    device = confirmed_device(ada, done["AuthenticationResult"])

    site.cognito.clock.advance(30)
    with pytest.raises(SoftwareTokenMFAChallengeException):
        ada.authenticate(PASSWORD)
    ada.respond_to_software_token_mfa_challenge(code(site, authenticator))
    assert ada.id_claims["cognito:username"] == "ada"
    assert ada.get_user().email == "ada@example.com"

    known = srp(ada, **device).authenticate_user()
    assert "NewDeviceMetadata" not in known["AuthenticationResult"]
    assert ada.verify_token(known["AuthenticationResult"]["IdToken"], "id_token", "id")


def test_a_user_signed_in_sets_up_and_prefers(site: Site, ada: Any) -> None:
    """Its own methods, with an access token, in a pool that leaves the choice."""
    site.pool.state.mfa = "OPTIONAL"
    # Its preferences always hold a block for SMS, which Cognito refuses to anyone who has no phone.
    site.pool.create_user("ada", password=PASSWORD, attributes={"phone_number": "+15555550100"})
    ada.authenticate(PASSWORD)
    authenticator = pyotp.TOTP(ada.associate_software_token())
    assert ada.verify_software_token(code(site, authenticator), "Phone") is True
    ada.set_user_mfa_preference(False, True, "SOFTWARE_TOKEN")
    with pytest.raises(SoftwareTokenMFAChallengeException):
        ada.authenticate(PASSWORD)


def code(site: Site, authenticator: pyotp.TOTP) -> str:
    return authenticator.at(int(site.cognito.clock.now()))


def confirmed_device(ada: Any, tokens: dict[str, Any]) -> dict[str, str]:
    """By its client: its own confirm_device calls AWS by name."""
    metadata = tokens["NewDeviceMetadata"]
    key, group_key = metadata["DeviceKey"], metadata["DeviceGroupKey"]
    password, verifier = generate_hash_device(group_key, key)
    ada.client.confirm_device(
        AccessToken=tokens["AccessToken"], DeviceKey=key, DeviceSecretVerifierConfig=verifier
    )
    return {"device_key": key, "device_group_key": group_key, "device_password": password}
