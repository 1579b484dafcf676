"""A software authenticator: makes passkeys, and signs with them as a phone or a security key does."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes  # noqa: TID253
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: TID253
from fido2.cose import ES256, CoseKey
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

FLAG = AuthenticatorData.FLAG


class Authenticator:
    """Has one passkey.

    Attributes:
        origin: the page that asks.
        verifies: whether the user shows a fingerprint or the like.
        counter: how many times it has signed; None for one that does not count.
        relying_party: replaces the one that it is asked for.
    """

    def __init__(self, origin: str, *, verifies: bool = True, counter: int | None = 0) -> None:
        self.origin = origin
        self.verifies = verifies
        self.counter = counter
        self.relying_party: str | None = None
        self._id = os.urandom(32)
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def id(self) -> str:
        return websafe_encode(self._id)

    def make(self, options: Mapping[str, Any], *, key: CoseKey | None = None) -> dict[str, Any]:
        """Return a RegistrationResponseJSON."""
        own: Any = ES256  # fido2 has no types for this
        public = key or own.from_cryptography_key(self._key.public_key())
        attested = AttestedCredentialData.create(Aaguid.NONE, self._id, public)
        data = self._data(options["rp"]["id"], FLAG.AT, bytes(attested))
        response = {
            "clientDataJSON": self._client_data("webauthn.create", options["challenge"]).b64,
            "attestationObject": websafe_encode(AttestationObject.create("none", data, {})),
            "transports": ["internal", "hybrid"],
        }
        return self._response(response) | {"authenticatorAttachment": "platform"}

    def sign(self, options: Mapping[str, Any], kind: str = "webauthn.get") -> str:
        """Return an AuthenticationResponseJSON, as text."""
        client_data = self._client_data(kind, options["challenge"])
        data = self._data(options["rpId"], FLAG(0))
        signature = self._key.sign(data + client_data.hash, ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": client_data.b64,
            "authenticatorData": websafe_encode(data),
            "signature": websafe_encode(signature),
        }
        return json.dumps(self._response(response))

    def _data(self, party: str, flags: FLAG, attested: bytes = b"") -> AuthenticatorData:
        digest = hashlib.sha256((self.relying_party or party).encode()).digest()
        flags |= FLAG.UP | (FLAG.UV if self.verifies else FLAG(0))
        if self.counter is not None:
            self.counter += 1
        data = AuthenticatorData.create(digest, flags, self.counter or 0, attested)
        assert isinstance(data, AuthenticatorData)
        return data

    def _client_data(self, kind: str, challenge: str) -> CollectedClientData:
        return CollectedClientData.create(kind, websafe_decode(challenge), self.origin)

    def _response(self, response: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": self.id,
            "rawId": self.id,
            "response": dict(response),
            "clientExtensionResults": {},
            "type": "public-key",
        }
