"""What people type and paste, and the one form that Cognito takes."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cognito_mfa.values import typed


def every_character() -> Iterator[str]:
    return map(chr, range(sys.maxunicode + 1))


def test_digits_of_every_script_become_ascii() -> None:
    """Asked of every character there is: firebase/FirebaseUI-iOS#790 and #430, andOTP/andOTP#359."""
    for char in every_character():
        if unicodedata.decimal(char, None) is not None:
            assert typed.digits(f"{char}12345") == f"{unicodedata.decimal(char)}12345"


def test_nothing_invisible_and_no_separator_is_part_of_a_code() -> None:
    """privacyidea/privacyidea-authenticator#105: a mark that came along with the copy."""
    for char in every_character():
        kind = unicodedata.category(char)
        if kind in ("Cf", "Pd") or kind[0] == "Z":
            assert typed.digits(f"{char}123{char}456{char}") == "123456", ascii(char)


def test_letters_and_signs_are_never_left_out_of_a_code() -> None:
    for char in every_character():
        if unicodedata.category(char) in ("Lu", "Ll", "Lt", "Lm", "Lo", "No", "Nl", "So", "Sc"):
            assert typed.digits(f"123{char}456") == f"123{char}456"


@given(st.text(max_size=60))
def test_what_was_brought_into_form_is_in_form(text: str) -> None:
    for bring in (
        typed.digits,
        typed.line,
        typed.username,
        typed.phone_number,
        typed.email,
        typed.sub,
        typed.password,
        typed.device_name,
    ):
        assert bring(bring(text)) == bring(text)


@pytest.mark.parametrize(
    ("pasted", "meant"),
    [
        ("123.456", "123456"),
        ("12,34,56", "123456"),
        ("123\u2019456", "123456"),
        ("(123456)", "123456"),
        ("12 34.56", "123456"),
        ("12-34,56\u200e.", "123456"),
        ("1 2.3-4/5 6", "123456"),
        ("| 123 456 |", "123456"),
        ("`123456`", "123456"),
        ("12.3456", "12.3456"),
        ("1 2.3456", "12.3456"),
        ("½23456", "½23456"),
        ("Ⅵ23456", "Ⅵ23456"),
        ("", ""),
    ],
)
def test_punctuation_separates_groups_of_a_code(pasted: str, meant: str) -> None:
    assert typed.digits(pasted) == meant


@pytest.mark.parametrize(
    ("pasted", "meant"),
    [
        ("\u200eada\u200b", "ada"),
        ("\u00a0ada\u3000\n", "ada"),
        ("\ufeffada@example.com\r\n", "ada@example.com"),
        ("ada @ example.com", "ada@example.com"),
        ("+1 555 555 0100", "+15555550100"),
        ("\u202a+49 (0) 171-234 5678\u202c", "+491712345678"),
        ("ada lovelace", "ada lovelace"),
        ("Ada", "Ada"),
        ("I\u0307pek", "I\u0307pek"),
        ("+49-170", "+49-170"),
        ("ada\x00", "ada"),
        ("电话", "电话"),
    ],
)
def test_names_lose_only_what_no_name_has(pasted: str, meant: str) -> None:
    assert typed.username(pasted) == meant


@pytest.mark.parametrize(
    ("pasted", "meant"),
    [
        ("Temp-Pass-77 ", "Temp-Pass-77"),
        ("\u200eTemp-Pass-77\u00a0\n", "Temp-Pass-77"),
        ("Correct horse battery 7!", "Correct horse battery 7!"),
        ("in\u200bside\ufeff7", "in\u200bside\ufeff7"),
        ("\U0001f3f4\U000e0067\U000e0062\U000e007f", "\U0001f3f4\U000e0067\U000e0062\U000e007f"),
        ("   ", ""),
    ],
)
def test_passwords_lose_only_what_is_around(pasted: str, meant: str) -> None:
    """ustaxcourt/ef-cms#8698 and cds-snc/platform-forms-client#5635: copied with a blank behind."""
    assert typed.password(pasted) == meant


@pytest.mark.parametrize(
    ("pasted", "meant"),
    [
        ("0F7C1C52-8CBB-4E4E-9C3C-1E8F6E8A0B11", "0f7c1c52-8cbb-4e4e-9c3c-1e8f6e8a0b11"),
        (
            "{0f7c1c52\u20108cbb\u20134e4e\u22129c3c-1e8f6e8a0b11}\u200b",
            "0f7c1c52-8cbb-4e4e-9c3c-1e8f6e8a0b11",
        ),
        ("Ada", "Ada"),
    ],
)
def test_a_sub_is_found_however_it_was_copied(pasted: str, meant: str) -> None:
    assert typed.sub(pasted) == meant


@pytest.mark.parametrize(
    ("pasted", "meant"),
    [
        ("mailto:ada@example.com", "ada@example.com"),
        ("<Ada@Example.com>\u200b", "Ada@Example.com"),
        ("ada@\u00adexample.com ", "ada@example.com"),
    ],
)
def test_addresses_lose_what_links_put_around_them(pasted: str, meant: str) -> None:
    assert typed.email(pasted) == meant


@pytest.mark.parametrize(
    ("pasted", "meant"),
    [
        ("0049 171 2345678", "+491712345678"),
        ("+1 (555) 555-0100", "+15555550100"),
        ("".join(chr(0x0660 + int(digit)) for digit in "00491712345678"), "+491712345678"),
        ("\uff0b15555550100", "+15555550100"),
        ("0171 1234", "0171 1234"),
        ("call me", "call me"),
    ],
)
def test_phone_numbers_become_e164_where_they_have_a_country(pasted: str, meant: str) -> None:
    assert typed.phone_number(pasted) == meant


def test_a_device_name_keeps_its_emoji_and_loses_copied_marks() -> None:
    assert typed.device_name("\u202aWork\u200b phone\u202c") == "Work phone"
    assert typed.device_name("👩‍💻 Päivis") == "👩‍💻 Päivis"
    assert typed.device_name("right\u202eleft") == "right\u202eleft"  # the field refuses it


def test_a_lookup_tries_the_most_literal_spelling_first() -> None:
    tries = list(typed.spellings("\u200ee\u0301lise "))
    assert tries[0] == "\u200ee\u0301lise "
    assert "\u00e9lise" in tries
    assert len(tries) == len(set(tries))
