"""Form fields for the attributes that a user pool may require: OpenID Connect's standard claims.

Each accepts what users write and turns it into the one form that Cognito accepts. Everything else is left to
Cognito; see "Refused input" in ``docs/cognito-behavior.md``.
"""

from __future__ import annotations

import datetime as dt
import re
import time
import zoneinfo
from collections.abc import Callable
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, MinLengthValidator
from django.utils.translation import get_language, gettext, to_locale
from django.utils.translation import gettext_lazy as _

from cognito_mfa.values import typed

MAX_LENGTH = 2048  # characters of any attribute
_E164 = re.compile(r"\+[1-9][0-9]{1,14}")  # ITU-T E.164; Cognito wants the plus sign too
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
_LABELS = {
    "address": _("Postal address"),
    "birthdate": _("Date of birth"),
    "email": _("Email address"),
    "family_name": _("Family name"),
    "gender": _("Gender"),
    "given_name": _("Given name"),
    "locale": _("Language"),
    "middle_name": _("Middle name"),
    "name": _("Full name"),
    "nickname": _("Nickname"),
    "phone_number": _("Phone number"),
    "picture": _("Picture URL"),
    "preferred_username": _("Preferred username"),
    "profile": _("Profile page URL"),
    "website": _("Website"),
    "zoneinfo": _("Time zone"),
}
# What browsers fill in by themselves (HTML, "Autofill").
_AUTOCOMPLETE = {
    "address": "street-address",
    "family_name": "family-name",
    "gender": "sex",
    "given_name": "given-name",
    "middle_name": "additional-name",
    "name": "name",
    "nickname": "nickname",
    "picture": "photo",
    "profile": "url",
    "website": "url",
}


class PhoneNumberField(forms.CharField):
    """A phone number in E.164, however its digits are grouped."""

    default_error_messages = {
        "format": _("Enter the number with a plus sign and country code, such as +15555550100."),
    }

    def to_python(self, value: object) -> str:
        return typed.phone_number(super().to_python(value) or "")

    def validate(self, value: str) -> None:
        super().validate(value)
        if value and not _E164.fullmatch(value):
            raise ValidationError(self.error_messages["format"], code="format")


class AddressField(forms.CharField):
    """An email address as Cognito checks it: something on both sides of one ``@``.

    Django's own validator refuses addresses that Cognito and mail servers accept.
    """

    default_error_messages = {
        "format": _("Enter an email address, such as name@example.com."),
    }

    def to_python(self, value: object) -> str:
        return typed.email(super().to_python(value) or "")

    def validate(self, value: str) -> None:
        super().validate(value)
        if value and not _ADDRESS.fullmatch(value):
            raise ValidationError(self.error_messages["format"], code="format")


class DateOfBirthField(forms.DateField):
    """A date; its value is what Cognito stores, YYYY-MM-DD."""

    def __init__(self, **kwargs: Any) -> None:
        # Browsers send this form for type="date", whatever they show.
        widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "autocomplete": "bday"})
        kwargs = {"widget": widget, "input_formats": ["%Y-%m-%d"], **kwargs}
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> dt.date | None:
        found = super().to_python(value)
        if found and found > dt.datetime.now(tz=dt.UTC).date() + dt.timedelta(days=1):
            raise ValidationError(_("Your date of birth can’t be in the future."), code="future")
        return found


def attribute_field(name: str) -> forms.Field | None:
    """Return the form field for an attribute; None if users need not be asked for it.

    Args:
        name: Cognito's name of it, such as ``phone_number`` or ``custom:department``.
    """
    if value_without_asking(name):
        return None
    label = _LABELS.get(name) or name.removeprefix("custom:").replace("_", " ").capitalize()
    make = _FIELDS.get(name, _text_field)
    field = make(name, label)
    if name in _AUTOCOMPLETE:
        field.widget.attrs["autocomplete"] = _AUTOCOMPLETE[name]
    return field


def length_error(
    value: str, *, shortest: int | None = None, longest: int | None = None
) -> ValidationError | None:
    """Return Django's error for a value that is too short or too long for a pool; None if it is neither.

    Args:
        value: what the user entered.
        shortest: how many characters the pool demands; None for no limit.
        longest: how many it allows; None for no limit.
    """
    limits = {MinLengthValidator: shortest, MaxLengthValidator: longest}
    for validator, limit in limits.items():
        try:
            if limit is not None:
                validator(limit)(value)
        except ValidationError as error:
            return error
    return None


def value_without_asking(name: str) -> str:
    """Return the value of an attribute that is known without the user; empty for every other one."""
    # When the user's data changed last, in seconds since the epoch: now.
    return str(int(time.time())) if name == "updated_at" else ""


def _text_field(_name: str, label: Any) -> forms.Field:
    widget = forms.TextInput(attrs={"dir": "auto"})  # names, in any script
    return forms.CharField(label=label, max_length=MAX_LENGTH, widget=widget)


def _long_text_field(_name: str, label: Any) -> forms.Field:
    return forms.CharField(
        label=label, max_length=MAX_LENGTH, widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"})
    )


def _phone_field(_name: str, label: Any) -> forms.Field:
    return PhoneNumberField(
        label=label,
        max_length=MAX_LENGTH,
        help_text=_("Include the country code, such as +15555550100."),
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "dir": "ltr"}),
    )


def _email_field(_name: str, label: Any) -> forms.Field:
    attrs = {
        "autocomplete": "email",
        "autocapitalize": "none",
        "spellcheck": "false",
        "dir": "ltr",
    }
    return AddressField(label=label, max_length=MAX_LENGTH, widget=forms.EmailInput(attrs=attrs))


def _date_field(_name: str, label: Any) -> forms.Field:
    return DateOfBirthField(label=label)


def _url_field(_name: str, label: Any) -> forms.Field:
    widget = forms.URLInput(attrs={"dir": "ltr"})
    return forms.URLField(label=label, max_length=MAX_LENGTH, assume_scheme="https", widget=widget)


def _language_field(_name: str, label: Any) -> forms.Field:
    """Return a choice of the site's languages, as tags of BCP 47, which OpenID Connect wants."""
    choices = [(language_tag(code), gettext(str(name))) for code, name in settings.LANGUAGES]
    own = language_tag(get_language() or settings.LANGUAGE_CODE)
    return forms.ChoiceField(label=label, choices=choices, initial=own)


def _time_zone_field(name: str, label: Any) -> forms.Field:
    zones = sorted(zone for zone in zoneinfo.available_timezones() if "/" in zone)
    if not zones:  # a machine without the database of time zones
        return _text_field(name, label)
    choices = [("", _("Select a time zone")), *((zone, zone.replace("_", " ")) for zone in zones)]
    return forms.ChoiceField(label=label, choices=choices)


def language_tag(code: str) -> str:
    """Return one of Django's language codes as a tag of BCP 47, such as ``pt-BR`` for ``pt-br``."""
    return to_locale(code).replace("_", "-")


_FIELDS: dict[str, Callable[[str, Any], forms.Field]] = {
    "address": _long_text_field,
    "birthdate": _date_field,
    "email": _email_field,
    "locale": _language_field,
    "phone_number": _phone_field,
    "picture": _url_field,
    "profile": _url_field,
    "website": _url_field,
    "zoneinfo": _time_zone_field,
}
