"""The small site, with a private page that can be left."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path

from cognito_mfa.decorators import mfa_exempt
from tests.urls import urlpatterns as site

PRIVATE = """<!DOCTYPE html>
<html lang="en">
  <title>Private</title>
  <h1>Private page of {{ request.user.get_username }}</h1>
  <form method="post" action="{% url 'cognito_mfa:sign_out' %}">
    {% csrf_token %}<button>Sign out</button>
  </form>
</html>
"""


@login_required
def private(request: HttpRequest) -> HttpResponse:
    template = engines["django"].from_string(PRIVATE)
    return HttpResponse(template.render(request=request))


@mfa_exempt
def favicon(_request: HttpRequest) -> HttpResponse:
    """Browsers ask for one, and complain when there is none; at any time, so it needs no database."""
    return HttpResponse(status=204)


urlpatterns = [path("private/", private), path("favicon.ico", favicon), *site]
