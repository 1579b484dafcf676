"""The otpauth URI and its picture."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cognito_mfa.steps.qr import LONGEST, grouped, otpauth_uri, qr_svg

pytestmark = pytest.mark.real_qr_codes
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSW"


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
)
def test_any_issuer_and_account_come_back_as_they_were(issuer: str, account: str) -> None:
    uri = urlsplit(otpauth_uri(SECRET, issuer=issuer, account=account))
    name, _colon, rest = uri.path.removeprefix("/").partition(":")
    query = parse_qs(uri.query, keep_blank_values=True)

    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert unquote(rest) == account
    assert query["secret"] == [SECRET]
    assert query["issuer"] == [unquote(name)]
    assert ":" not in unquote(name)


def test_an_authenticator_reads_it_back() -> None:
    uri = otpauth_uri(SECRET.lower(), issuer="Example & Söhne: Ltd", account="a b@example.com")
    parsed = pyotp.parse_uri(uri)
    assert parsed.secret == SECRET
    assert parsed.issuer == "Example & Söhne  Ltd"
    assert parsed.name == "a b@example.com"
    assert "+" not in uri


@settings(deadline=None, max_examples=50)  # a large picture takes a tenth of a second
@given(
    st.text(st.sampled_from("aä株😀: \ud800"), max_size=400),
    st.text(st.sampled_from("aä株😀@ \ud800"), max_size=400),
    st.integers(1, 512),
)
def test_a_long_label_is_shortened_until_the_picture_can_be_read(
    issuer: str, account: str, length: int
) -> None:
    """The secret stays whole, and neither name gives way before it has a third of the room."""
    secret = ("ABCDEFGH" * 64)[:length]
    uri = otpauth_uri(secret, issuer=issuer, account=account)
    query = parse_qs(urlsplit(uri).query, keep_blank_values=True)

    assert len(uri) <= LONGEST
    assert query["secret"] == [secret]
    label = unquote(urlsplit(uri).path.removeprefix("/"))
    assert label.startswith(query["issuer"][0])
    assert re.search('viewBox="0 0 (\\d+)', str(qr_svg(uri)))
    if len(account) <= 8:
        assert "…" not in label.partition(":")[2]


def test_the_picture_is_dark_on_a_white_plate_with_a_quiet_zone() -> None:
    svg = str(qr_svg(otpauth_uri(SECRET, issuer="Example Ltd", account="a@example.com")))
    size = int(re.findall(r'viewBox="0 0 (\d+) \1"', svg)[0])
    assert (size - 8 - 17) % 4 == 0  # a QR code of some version, and four modules on each side
    assert svg.index('fill="#fff"') < svg.index('fill="#000"')
    assert min(int(x) for x in re.findall(r"M(\d+) ", svg)) == 4
    assert "style=" not in svg
    assert "data:" not in svg
    assert SECRET not in svg


def test_the_key_is_read_in_fours() -> None:
    assert grouped("ABCDEFGHIJ") == ["ABCD", "EFGH", "IJ"]
