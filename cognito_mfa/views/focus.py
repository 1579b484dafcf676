"""Puts the focus on the field that the message is about, without a script."""

from __future__ import annotations

from django.forms import Form


def set_in(form: Form, *, when_flawless: bool) -> None:
    """Give the focus to the first field with an error, or to the first empty one.

    Args:
        form: of the page. A message about all of it takes the focus itself.
        when_flawless: also where there is no error.
    """
    for field in form.fields.values():
        field.widget.attrs.pop("autofocus", None)
    if form.errors and form.non_field_errors():
        return
    invalid = [bound for bound in form.visible_fields() if bound.errors]
    fields = form.visible_fields()
    empty = [bound for bound in fields if not bound.value()]
    found = invalid or ((empty or fields) if when_flawless and not form.errors else [])
    if found and not found[0].field.widget.use_fieldset:
        found[0].field.widget.attrs["autofocus"] = True
