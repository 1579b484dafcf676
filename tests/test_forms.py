"""The shape of what is typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cognito_mfa.forms import CodeField, CodeForm, FactorForm, FriendlyNameField, SetupForm


@given(st.text(max_size=40))
def test_a_code_is_six_ascii_digits_or_an_error(typed: str) -> None:
    form = CodeForm({"code": typed})
    if form.is_valid():
        code = form.cleaned_data["code"].reveal()
        assert len(code) == 6
        assert set(code) <= set("0123456789")


@given(
    st.text("0123456789", min_size=6, max_size=6),
    st.integers(0, 6),
    st.sampled_from(" -\u00a0\u3000"),
)
def test_a_separator_anywhere_changes_nothing(code: str, at: int, separator: str) -> None:
    assert CodeField().clean(code[:at] + separator + code[at:]) == code


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("12345", "The code has 6 digits. You entered 5."),
        ("1234567", "The code has 6 digits. You entered 7."),
        ("12345a", "Codes contain only digits. Remove everything else."),
        ("12345\u00b2", "Codes contain only digits. Remove everything else."),
        ("\u200e", "Enter the code."),
    ],
)
def test_an_error_says_what_is_wrong_with_a_code(typed: str, text: str) -> None:
    assert CodeForm({"code": typed}).errors["code"] == [text]


def test_a_sent_code_of_seven_digits_is_told_which_there_are() -> None:
    form = CodeForm({"code": "1234567"}, challenge="SMS_MFA")
    assert form.errors["code"] == ["The code we sent you has 6 or 8 digits. You entered 7."]


def test_leading_zeros_stay() -> None:
    assert CodeField().clean("000 042") == "000042"


@pytest.mark.parametrize(
    ("typed", "valid"), [("123456", True), ("12345678", True), ("1234567", False)]
)
def test_codes_that_are_sent_have_six_digits_or_eight(typed: str, valid: bool) -> None:
    assert CodeForm({"code": typed}, challenge="EMAIL_OTP").is_valid() is valid
    assert CodeForm({"code": typed}).is_valid() is (typed == "123456")


def test_a_page_never_shows_a_code_again() -> None:
    assert "123456" not in SetupForm({"code": "123456"}).as_p()


def test_codes_are_typed_comfortably() -> None:
    field = str(CodeForm()["code"])
    for attribute in ('inputmode="numeric"', 'autocomplete="one-time-code"', 'type="text"'):
        assert attribute in field
    assert 'maxlength="6"' not in field  # a pasted blank must fit


@given(st.text(max_size=100))
def test_a_friendly_name_holds_nothing_that_breaks_a_line(typed: str) -> None:
    form = SetupForm({"code": "123456", "friendly_name": typed})
    if form.is_valid():
        name = form.cleaned_data["friendly_name"]
        assert len(name) <= 64
        assert name.isprintable() or name.replace("\u200d", "").replace("\ufe0f", "") is not None
        assert not set(name) & set("\x00\n\r\x1b\u202e\u2066")


@pytest.mark.parametrize("name", ["👩‍💻 Päivis Händy", "电话", "هاتف", "O'Neill & Söhne <home>"])
def test_people_name_their_devices_in_their_own_writing(name: str) -> None:
    assert FriendlyNameField().clean(name) == name


def test_only_factors_that_are_offered_and_known_can_be_chosen() -> None:
    form = FactorForm({"factor": "WEB_AUTHN"}, factors=["SMS_MFA", "WEB_AUTHN"])
    assert not form.is_valid()
    assert FactorForm({"factor": "SMS_MFA"}, factors=["SMS_MFA"]).is_valid()
