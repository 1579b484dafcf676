"""A pool's certificate for SAML, which administrators give to identity providers.

The local Cognito sends no requests to providers, so it signs nothing with the certificate, and drops
the private key. cryptography is imported inside functions, so that the local Cognito starts fast.

See "Signing certificates" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

from cognito_mfa.local.rules import keys
from cognito_mfa.local.rules.state import SigningCertificate, UserPool

VALIDITY = timedelta(days=3652)
RENEWAL = timedelta(days=365)


def newest(pool: UserPool, now: float) -> str:
    """Return a pool's certificate, a new one if there is none from the last 365 days.

    Args:
        pool: The user pool.
        now: The time in Unix seconds.

    Returns:
        The certificate in base64, without the lines of PEM around it.
    """
    known = pool.signing_certificate
    if known is None or now >= known.issued_at + RENEWAL.total_seconds():
        known = pool.signing_certificate = SigningCertificate(_issued(pool.id, now), now)
    return known.base64


def _issued(name: str, now: float) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding

    private = keys.private_key(keys.new_key())
    owner = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    start = datetime.fromtimestamp(int(now), UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(owner)
        .issuer_name(owner)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + VALIDITY)
        .sign(private, SHA256())
    )
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
