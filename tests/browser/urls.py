"""The small site, with a private page that can be left."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path

from cognito_mfa.decorators import mfa_exempt
from tests.urls import urlpatterns as site

EXAMPLE = Path(__file__).resolve().parents[2] / "example_project"
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


FRAGMENTS = """<!DOCTYPE html>
<html lang="en">
  <title>Letters</title>
  <meta name="htmx-config" content='{"includeIndicatorStyles": false, "allowEval": false}'>
  <script src="/htmx/{{ version }}.js" defer></script>
  <h1>Letters</h1>
  <button hx-get="/letter/" hx-target="#letter">Read</button>
  <form hx-post="/letter/" hx-target="#letter">
    {% csrf_token %}<label>Text <input name="text"></label><button>Send</button>
  </form>
  {% if poll %}<p hx-get="/letter/" hx-trigger="every 200ms">No news</p>{% endif %}
  <p id="letter">Nothing yet</p>
</html>
"""
LETTERS: list[str] = []


def letters(request: HttpRequest, version: int) -> HttpResponse:
    template = engines["django"].from_string(FRAGMENTS)
    context = {"version": version, "poll": "poll" in request.GET}
    return HttpResponse(template.render(context, request))


def letter(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        LETTERS.append(request.POST["text"])
    return HttpResponse("Dear reader")


@mfa_exempt
def htmx(_request: HttpRequest, version: int) -> HttpResponse:
    """The real one, as django-htmx brings it along."""
    script = files("django_htmx") / "static" / "django_htmx" / f"htmx-{version}.min.js"
    return HttpResponse(script.read_bytes(), content_type="text/javascript")


@mfa_exempt
def favicon(_request: HttpRequest) -> HttpResponse:
    """Browsers ask for one, and complain when there is none; at any time, so it needs no database."""
    return HttpResponse(status=204)


@mfa_exempt
def front_end(_request: HttpRequest) -> HttpResponse:
    """The page of the example's front end, whose scripts are static files."""
    page = EXAMPLE / "templates" / "example_project" / "app.html"
    return HttpResponse(engines["django"].from_string(page.read_text()).render())


@mfa_exempt
def front_end_elsewhere(request: HttpRequest) -> HttpResponse:
    """The same, as a server at another origin delivers it: its policy names the API."""
    page = EXAMPLE / "templates" / "example_project" / "app.html"
    api = request.GET["api"]
    text = engines["django"].from_string(page.read_text()).render()
    policy = f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src {api}"
    return HttpResponse(
        text.replace('data-api="', f'data-api="{api}'), headers={"Content-Security-Policy": policy}
    )


urlpatterns = [
    path("elsewhere/", front_end_elsewhere),
    path("app/", front_end, name="start"),
    path("account/api/", include("cognito_mfa.api.urls")),
    path("private/", private),
    path("letters/<int:version>/", letters),
    path("letter/", letter),
    path("htmx/<int:version>.js", htmx),
    path("favicon.ico", favicon),
    *site,
]
