"""A site's own models: every change of a user is kept by django-simple-history."""

from __future__ import annotations

from django.contrib.auth.models import User
from simple_history import register

register(User, app=__package__)
