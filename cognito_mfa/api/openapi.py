"""Serves the packaged OpenAPI document of the API, with the address of this site."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from cognito_mfa.api.base import ApiView


def document() -> Any:
    """Return the packaged document."""
    return json.loads(files("cognito_mfa.api").joinpath("openapi.json").read_bytes())


@lru_cache(maxsize=8)
def _served(root: str) -> bytes:
    """Return the document for a site that includes the API at ``root``."""
    found = document()
    found["servers"][0]["url"] = root
    return json.dumps(found).encode()


class OpenApiView(ApiView):
    """The document, for tools."""

    http_method_names = ["get", "head", "options"]
    allows_impersonators = True

    def get(self, request: HttpRequest) -> HttpResponse:
        root = reverse("cognito_mfa_api:session").removesuffix("/session/")
        return HttpResponse(_served(root), content_type="application/json")
