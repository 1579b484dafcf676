"""Suggests a device name at a setup, from the headers of the user's browser."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.translation import gettext as _


def suggest(request: HttpRequest, *, taken: str = "") -> str:
    """Return a name for the phone or tablet that shows the page; empty elsewhere.

    There, the app is on another device.

    Args:
        request: whose browser it is.
        taken: the name of the device that is replaced.
    """
    found = _kind_of(request.headers.get("User-Agent", ""))
    return _("%(device)s 2") % {"device": found} if found and found == taken else found


def _kind_of(agent: str) -> str:
    for product in ("iPhone", "iPad"):  # names that are the same in every language
        if product in agent:
            return product
    if "Android" not in agent:
        return ""
    # Browsers on tablets leave this word out.
    return _("Android phone") if "Mobile" in agent else _("Android tablet")
