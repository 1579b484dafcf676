"""The pages of the example site."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from cognito_mfa.decorators import mfa_exempt
from example_project import local_people


@mfa_exempt
def start(request: HttpRequest) -> HttpResponse:
    """Say what to try; for everybody, set up or not."""
    context = {"people": local_people.shown(), "sent": local_people.messages()}
    return render(request, "example_project/start.html", context)


@login_required
def private(request: HttpRequest) -> HttpResponse:
    """A page that only a proven person sees. Nothing here says so: the middleware does."""
    return render(request, "example_project/private.html")
