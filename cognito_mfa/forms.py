"""The forms: they check the shape of what was typed, and never ask Cognito."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from cognito_mfa.attribute_fields import attribute_field, value_without_asking
from cognito_mfa.cognito.types import EMAIL_OTP, SMS_MFA, SOFTWARE_TOKEN_MFA
from cognito_mfa.cognito.user_api import MAX_PASSWORD
from cognito_mfa.models import FRIENDLY_NAME_LENGTH
from cognito_mfa.values import typed
from cognito_mfa.values.recovery_code import is_complete
from cognito_mfa.values.secret_text import SecretText
from cognito_mfa.values.untrusted import USERNAME_LENGTH, has_odd, is_storable

CODE_LENGTH = 6
# Codes that Cognito mails or texts have six digits or eight, depending on how the pool sends them.
SENT_CODE_LENGTHS = (6, 8)

FACTOR_LABELS = {
    SOFTWARE_TOKEN_MFA: _("Code from your authenticator app"),
    SMS_MFA: _("Code by text message"),
    EMAIL_OTP: _("Code by email"),
}


class CodeInput(forms.TextInput):
    """A text field that never shows what was typed again."""

    def format_value(self, value: object) -> None:
        return None


class SecretField(forms.CharField):
    """A text that is closed when the form has it, and stays so in the form's data, values and errors."""

    def to_python(self, value: object) -> Any:
        plain = value.reveal() if isinstance(value, SecretText) else value
        return SecretText(self.as_typed(super().to_python(plain) or ""))

    def as_typed(self, text: str) -> str:
        """Return what the user means by ``text``."""
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


class PasswordInput(forms.PasswordInput):
    """A password field without ``maxlength``: a browser cuts a longer paste to it and says nothing."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"]["attrs"].pop("maxlength", None)
        return context


class PasswordField(SecretField):
    """A password that exists already.

    Spaces around it come along when a temporary password is copied out of an email. Cognito accepts no password
    that begins or ends with one, so they are left out; every other character is as typed.
    """

    autocomplete = "current-password"

    def __init__(self, **kwargs: Any) -> None:
        widget = PasswordInput(
            attrs={
                "autocomplete": self.autocomplete,
                "autocapitalize": "none",
                "spellcheck": "false",
                "dir": "ltr",
            }
        )
        super().__init__(strip=False, max_length=MAX_PASSWORD, widget=widget, **kwargs)

    def as_typed(self, text: str) -> str:
        return typed.password(text) or text


class NewPasswordField(PasswordField):
    """A password that is being chosen, exactly as typed; a space at either end is an error that says so."""

    autocomplete = "new-password"
    default_error_messages = {
        "unsendable": _(
            "Your password contains a character that can’t be used. Remove it and try again."
        ),
        "outer_space": _(
            "Your password can’t begin or end with a space or an invisible character. Remove it and try again."
        ),
    }

    def as_typed(self, text: str) -> str:
        return text

    def validate(self, value: Any) -> None:
        super().validate(value)
        if not is_storable(value.reveal()):
            raise ValidationError(self.error_messages["unsendable"], code="unsendable")
        # What a sign-in leaves out must not be part of a password.
        if value.reveal() != typed.password(value.reveal()):
            raise ValidationError(self.error_messages["outer_space"], code="outer_space")


class CodeField(SecretField):
    """Digits as users type and paste them; the value is ASCII digits only, closed.

    Args:
        lengths: how many digits a code may have.
    """

    default_error_messages = {
        "required": _("Enter the code."),
        "digits": _("Codes contain only digits. Remove everything else."),
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
            "dir": "ltr",
            # Letters are stopped in the browser; digits of every script, blanks and hyphens are the server's matter.
            "pattern": "[^A-Za-z]*",
            "title": _("Enter only the digits of the code."),
        }

    def as_typed(self, text: str) -> str:
        return typed.digits(text)

    def validate(self, value: Any) -> None:
        super().validate(value)
        if not value:
            return
        # ``str.isdigit()`` accepts superscripts and circled digits, which are no digits of a code.
        if not set(value.reveal()) <= set("0123456789"):
            raise ValidationError(self.error_messages["digits"], code="digits")
        given = len(value.reveal())
        if given not in self.lengths:
            kind = "length" if self.lengths == (CODE_LENGTH,) else "sent_length"
            numbers = {"wanted": self.lengths[0], "given": given}
            raise ValidationError(self.error_messages[kind], code=kind, params=numbers)


class RecoveryCodeField(SecretField):
    """A recovery code as users type it; the value is in normal form, closed."""

    default_error_messages = {
        "required": _("Enter one of your recovery codes."),
        "incomplete": _(
            "A recovery code has 16 letters and numbers. Check the code and try again."
        ),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=64, label=_("Recovery code"), widget=CodeInput, **kwargs)
        self.widget.attrs |= {
            "autocomplete": "off",
            "autocapitalize": "characters",
            "autocorrect": "off",
            "spellcheck": "false",
            "dir": "ltr",
        }

    def as_typed(self, text: str) -> str:
        return typed.recovery_code(text)

    def validate(self, value: Any) -> None:
        super().validate(value)
        if not is_complete(value.reveal()):  # no recovery code: not counted as an attempt
            raise ValidationError(self.error_messages["incomplete"], code="incomplete")


class FriendlyNameField(forms.CharField):
    """What the user calls the device: any script and emoji, no control characters."""

    def __init__(self, **kwargs: Any) -> None:
        defaults = {
            "label": _("Device name"),
            "help_text": _("Helps you recognize it later, such as “Work phone”. Optional."),
            "required": False,
        }
        super().__init__(max_length=FRIENDLY_NAME_LENGTH, **{**defaults, **kwargs})
        self.widget.attrs |= {"autocomplete": "off", "dir": "auto"}

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
        attrs = {
            "autocomplete": "username",
            "autocapitalize": "none",
            "spellcheck": "false",
            "dir": "ltr",
        }
        super().__init__(max_length=USERNAME_LENGTH, widget=forms.TextInput(attrs=attrs), **kwargs)

    def to_python(self, value: object) -> str:
        return typed.username(super().to_python(value) or "")


class SignInForm(forms.Form):
    """Name and password."""

    username = UsernameField(label=_("Username or email address"))
    password = PasswordField(label=_("Password"))


class PasswordResetForm(forms.Form):
    """The user whose password is forgotten."""

    username = UsernameField(label=_("Username or email address"))


class LinkForm(forms.Form):
    """Whether two accounts belong to the same user; only a plain yes links them.

    ``question`` identifies the accounts that the page named; a site's own template may leave it out.
    """

    answer = forms.ChoiceField(choices=[("yes", "yes"), ("no", "no")], widget=forms.HiddenInput)
    question = forms.CharField(required=False, widget=forms.HiddenInput)


class TwiceNewPasswordForm(forms.Form):
    """A new password, twice: typing errors do not show in a password field."""

    new_password1 = NewPasswordField(label=_("New password"))
    new_password2 = NewPasswordField(label=_("Confirm new password"))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, second = cleaned.get("new_password1"), cleaned.get("new_password2")
        if first and second and first != second:
            self.add_error(
                "new_password2", ValidationError(_("The passwords don’t match."), code="mismatch")
            )
        return cleaned


class PasswordChangeForm(TwiceNewPasswordForm):
    """The current password and the new one.

    Args:
        asks_code: the code of the user's authenticator app, too.
    """

    old_password = PasswordField(label=_("Current password"))
    field_order = ["old_password", "new_password1", "new_password2"]

    def __init__(self, *args: Any, asks_code: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if asks_code:  # last: a code works for seconds, and choosing a password takes longer
            self.fields["code"] = CodeField(label=_("Code from your app"))


class PasswordResetConfirmForm(TwiceNewPasswordForm):
    """The code that was sent for a forgotten password, and the new one.

    Args:
        has_code: the code was entered before, and is kept.
    """

    field_order = ["code", "new_password1", "new_password2"]

    def __init__(self, *args: Any, has_code: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"] = CodeField(label=_("Code from the message"), lengths=SENT_CODE_LENGTHS)
        self.order_fields(self.field_order)
        if has_code:
            self.keep_code()

    def keep_code(self) -> None:
        """Make the code optional: it was entered, and only the password was refused."""
        self.fields["code"].required = False
        self["code"].help_text = _("Leave this empty to use the code you already entered.")


class NewPasswordForm(TwiceNewPasswordForm):
    """The first password of one's own, with the attributes that the pool wants.

    Args:
        attributes: names of attributes, as Cognito calls them.
        present: those that the user has already. Cognito refuses to change some of them here, so they may be
            left empty.
    """

    def __init__(
        self,
        *args: Any,
        attributes: Iterable[str] = (),
        present: Collection[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.attribute_names = [name for name in attributes if name not in self.fields]
        for name in self.attribute_names:
            field = attribute_field(name)
            if field is not None:
                field.required = name not in present
                self.fields[name] = field

    @property
    def attributes(self) -> dict[str, str]:
        """Return what Cognito is sent for each attribute."""
        values = {
            name: str(self.cleaned_data.get(name) or value_without_asking(name))
            for name in self.attribute_names
        }
        return {name: value for name, value in values.items() if value}


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


class RecoveryCodeForm(forms.Form):
    """A recovery code, instead of the code of a lost device."""

    code = RecoveryCodeField()


class FactorForm(forms.Form):
    """Which of several factors to use.

    Args:
        factors: Cognito's names of what it offers.
    """

    def __init__(self, *args: Any, factors: Collection[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = [(name, label) for name, label in FACTOR_LABELS.items() if name in factors]
        label = _("How do you want to confirm it’s you?")
        self.fields["factor"] = forms.ChoiceField(
            label=label, choices=offered, widget=forms.RadioSelect
        )


class SetupForm(forms.Form):
    """The code that confirms a new authenticator, and the device's name."""

    code = CodeField(label=_("Code from your app"))
    friendly_name = FriendlyNameField()


class PasswordForm(forms.Form):
    """The password, again, before a change."""

    password = PasswordField(label=_("Password"))


class RenameForm(forms.Form):
    """Another name for the device."""

    friendly_name = FriendlyNameField()
