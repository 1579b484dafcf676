"""The forms: they check the shape of what was typed, and never ask Cognito."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from cognito_mfa.cognito.types import EMAIL_OTP, SMS_MFA, SOFTWARE_TOKEN_MFA
from cognito_mfa.cognito.user_api import MAX_PASSWORD
from cognito_mfa.models import FRIENDLY_NAME_LENGTH
from cognito_mfa.values import typed
from cognito_mfa.values.secret_text import SecretText
from cognito_mfa.values.untrusted import USERNAME_LENGTH, has_odd

CODE_LENGTH = 6
# Codes that Cognito mails or texts have six digits or eight, depending on how the pool sends them.
SENT_CODE_LENGTHS = (6, 8)

FACTOR_LABELS = {
    SOFTWARE_TOKEN_MFA: _("Code from my authenticator app"),
    SMS_MFA: _("Code by text message"),
    EMAIL_OTP: _("Code by e-mail"),
}
# Standard attributes of OpenID Connect that a pool may require.
ATTRIBUTE_LABELS = {
    "address": _("Address"),
    "birthdate": _("Date of birth (YYYY-MM-DD)"),
    "email": _("E-mail address"),
    "family_name": _("Family name"),
    "gender": _("Gender"),
    "given_name": _("Given name"),
    "locale": _("Language and country, such as en-GB"),
    "middle_name": _("Middle name"),
    "name": _("Full name"),
    "nickname": _("Nickname"),
    "phone_number": _("Phone number with country code, such as +15555550100"),
    "picture": _("Address of your picture"),
    "preferred_username": _("Preferred user name"),
    "profile": _("Address of your profile page"),
    "website": _("Website"),
    "zoneinfo": _("Time zone, such as Europe/Berlin"),
}


class CodeInput(forms.TextInput):
    """A text field that never shows again what was typed."""

    def format_value(self, value: object) -> None:
        return None


class SecretField(forms.CharField):
    """A text that is closed when the form has it, and stays so in the form's data, values and errors."""

    def to_python(self, value: object) -> Any:
        plain = value.reveal() if isinstance(value, SecretText) else value
        return SecretText(self.as_typed(super().to_python(plain) or ""))

    def as_typed(self, text: str) -> str:
        """Return what people mean by ``text``."""
        return text

    def validate(self, value: Any) -> None:
        if self.required and not value:
            raise ValidationError(self.error_messages["required"], code="required")

    def run_validators(self, value: Any) -> None:
        errors: list[ValidationError] = []
        try:
            super().run_validators(value.reveal())
        except ValidationError as error:  # it keeps the value that it is about
            found = [(text, one.code) for one in error.error_list for text in one.messages]
            errors = [ValidationError(text, code=code) for text, code in found]
        if errors:
            raise ValidationError(errors)


class PasswordField(SecretField):
    """A password, exactly as typed.

    Args:
        autocomplete: what password managers go by.
    """

    def __init__(self, *, autocomplete: str, **kwargs: Any) -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
        super().__init__(strip=False, max_length=MAX_PASSWORD, widget=widget, **kwargs)


class CodeField(SecretField):
    """Digits as people type and paste them; the value is ASCII digits only, closed.

    Args:
        lengths: how many digits a code may have.
    """

    default_error_messages = {
        "required": _("Enter the code."),
        "digits": _("A code contains only digits. Remove everything else."),
        "length": _("The code has %(wanted)s digits. You entered %(given)s."),
        "sent_length": _("The code we sent you has 6 or 8 digits. You entered %(given)s."),
    }

    def __init__(self, *, lengths: tuple[int, ...] = (CODE_LENGTH,), **kwargs: Any) -> None:
        self.lengths = lengths
        # Room for pasted blanks, and a bound for everything else.
        super().__init__(max_length=32, **{"label": _("Code"), "widget": CodeInput, **kwargs})
        self.widget.attrs |= {
            "inputmode": "numeric",
            "autocomplete": "one-time-code",
            "autocapitalize": "off",
            "autocorrect": "off",
            "spellcheck": "false",
        }

    def as_typed(self, text: str) -> str:
        return typed.digits(text)

    def validate(self, value: Any) -> None:
        super().validate(value)
        # ``str.isdigit()`` accepts superscripts and circled digits, which are no digits of a code.
        if not set(value.reveal()) <= set("0123456789"):
            raise ValidationError(self.error_messages["digits"], code="digits")
        given = len(value.reveal())
        if given not in self.lengths:
            kind = "length" if self.lengths == (CODE_LENGTH,) else "sent_length"
            numbers = {"wanted": self.lengths[0], "given": given}
            raise ValidationError(self.error_messages[kind], code=kind, params=numbers)


class FriendlyNameField(forms.CharField):
    """What a person calls the device: any writing and emoji, no control characters."""

    def __init__(self, **kwargs: Any) -> None:
        defaults = {
            "label": _("Name of this device"),
            "help_text": _(
                "So that you recognise it later, such as “Work phone”. You may leave it empty."
            ),
            "required": False,
        }
        super().__init__(max_length=FRIENDLY_NAME_LENGTH, **{**defaults, **kwargs})
        self.widget.attrs["autocomplete"] = "off"

    def to_python(self, value: object) -> str:
        return typed.device_name(super().to_python(value) or "")

    def validate(self, value: str) -> None:
        super().validate(value)
        if has_odd(value):
            raise ValidationError(
                _("The name contains invisible characters. Remove them and try again."),
                code="control_characters",
            )


class UsernameField(forms.CharField):
    """A username, or another name that the pool knows a user by."""

    def __init__(self, **kwargs: Any) -> None:
        attrs = {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        super().__init__(max_length=USERNAME_LENGTH, widget=forms.TextInput(attrs=attrs), **kwargs)

    def to_python(self, value: object) -> str:
        return typed.username(super().to_python(value) or "")


class SignInForm(forms.Form):
    """Name and password."""

    username = UsernameField(label=_("User name or e-mail address"))
    password = PasswordField(label=_("Password"), autocomplete="current-password")


class LinkForm(forms.Form):
    """Whether two accounts are one person's; nothing but a plain yes is one.

    ``question`` tells which accounts the page named; a site's own template may leave it out.
    """

    answer = forms.ChoiceField(choices=[("yes", "yes"), ("no", "no")], widget=forms.HiddenInput)
    question = forms.CharField(required=False, widget=forms.HiddenInput)


class NewPasswordForm(forms.Form):
    """The first password of one's own, with the attributes that the pool wants.

    Args:
        attributes: names of attributes, as Cognito calls them.
    """

    new_password1 = PasswordField(label=_("New password"), autocomplete="new-password")
    new_password2 = PasswordField(label=_("New password, once more"), autocomplete="new-password")

    def __init__(self, *args: Any, attributes: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.attribute_names = [name for name in attributes if name not in self.fields]
        for name in self.attribute_names:
            label = ATTRIBUTE_LABELS.get(name) or name.removeprefix("custom:")
            self.fields[name] = forms.CharField(label=label, max_length=2048)

    def clean_new_password1(self) -> SecretText:
        password: SecretText = self.cleaned_data["new_password1"]
        if any(char.isspace() for char in password.reveal()):
            raise ValidationError(_("A password cannot contain blanks."), code="blanks")
        return password

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, second = cleaned.get("new_password1"), cleaned.get("new_password2")
        if first and second and first != second:
            self.add_error(
                "new_password2", ValidationError(_("The two passwords differ."), code="mismatch")
            )
        return cleaned

    @property
    def attributes(self) -> dict[str, str]:
        return {name: self.cleaned_data[name] for name in self.attribute_names}


class CodeForm(forms.Form):
    """The code of a challenge.

    Args:
        challenge: Cognito's name of it.
    """

    code = CodeField()

    def __init__(self, *args: Any, challenge: str = SOFTWARE_TOKEN_MFA, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if challenge != SOFTWARE_TOKEN_MFA:
            self.fields["code"] = CodeField(lengths=SENT_CODE_LENGTHS)
        self.fields["code"].widget.attrs["autofocus"] = True


class FactorForm(forms.Form):
    """Which of several factors to use.

    Args:
        factors: Cognito's names of what it offers.
    """

    def __init__(self, *args: Any, factors: Collection[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = [(name, label) for name, label in FACTOR_LABELS.items() if name in factors]
        label = _("How do you want to confirm that it is you?")
        self.fields["factor"] = forms.ChoiceField(
            label=label, choices=offered, widget=forms.RadioSelect
        )


class SetupForm(forms.Form):
    """The code that confirms a new authenticator, and the device's name."""

    code = CodeField(label=_("Code from the app"))
    friendly_name = FriendlyNameField()


class PasswordForm(forms.Form):
    """The password once more, before a change."""

    password = PasswordField(label=_("Password"), autocomplete="current-password")


class RenameForm(forms.Form):
    """Another name for the device."""

    friendly_name = FriendlyNameField()
