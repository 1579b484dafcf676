"""The URLconf of a site with every kind of view, and every mark on each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import include, path, re_path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import cache_page, never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import etag

from cognito_mfa.decorators import mfa_exempt, mfa_recent, mfa_required
from cognito_mfa.mixins import MFAExemptMixin, MFARecentMixin, MFARequiredMixin
from tests.urls import urlpatterns as site

SECRET = "what only proven people see"


def secret(_request: HttpRequest, **_kwargs: Any) -> HttpResponse:
    return HttpResponse(SECRET)


async def asecret(_request: HttpRequest, **_kwargs: Any) -> HttpResponse:
    await asyncio.sleep(0)
    return HttpResponse(SECRET)


class Secret(View):
    def get(self, _request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        return HttpResponse(SECRET)

    post = get


class AsyncSecret(View):
    async def get(self, _request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        await asyncio.sleep(0)
        return HttpResponse(SECRET)

    post = get


# ------------------------------------------------------------------------------------------- exempt


@method_decorator(mfa_exempt, name="dispatch")
class Open(Secret):
    pass


@method_decorator([csrf_exempt, mfa_exempt], name="dispatch")
class AsyncOpen(AsyncSecret):
    pass


class OpenByMixin(MFAExemptMixin, Secret):
    pass


class AsyncOpenByMixin(MFAExemptMixin, AsyncSecret):
    pass


class ChildOfOpen(Open):
    pass


@method_decorator(never_cache, name="dispatch")
class DecoratedChildOfOpen(Open):
    pass


class ChildWithOwnDispatch(Open):
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **kwargs)


@method_decorator(mfa_exempt, name="dispatch")
class ChildThatSaysSo(Open):
    pass


class ChildOfMixin(OpenByMixin):
    pass


class ChildOfMixinThatSaysSo(OpenByMixin, MFAExemptMixin):
    pass


@mfa_exempt
@csrf_exempt
def open_view(request: HttpRequest) -> HttpResponse:
    return secret(request)


EXEMPT: dict[str, Any] = {
    "function": mfa_exempt(secret),
    "async-function": mfa_exempt(asecret),
    "under-csrf-exempt": csrf_exempt(mfa_exempt(secret)),
    "over-csrf-exempt": open_view,
    "under-cache-page": cache_page(5)(mfa_exempt(secret)),
    "under-login-not-required": login_not_required(mfa_exempt(secret)),
    "async-under-csrf-exempt": csrf_exempt(mfa_exempt(asecret)),
    "partial-of-exempt": partial(mfa_exempt(secret), more=1),
    "exempt-partial": mfa_exempt(partial(secret, more=1)),
    "async-partial": partial(mfa_exempt(asecret), more=1),
    "class": Open.as_view(),
    "class-wrapped": csrf_exempt(Open.as_view()),
    "async-class": AsyncOpen.as_view(),
    "mixin": OpenByMixin.as_view(),
    "async-mixin": AsyncOpenByMixin.as_view(),
    "marked-in-urlconf": mfa_exempt(ChildOfOpen.as_view()),
    "async-marked-in-urlconf": mfa_exempt(AsyncSecret.as_view()),
    "child-that-says-so": ChildThatSaysSo.as_view(),
    "mixin-child-that-says-so": ChildOfMixinThatSaysSo.as_view(),
}

GATED: dict[str, Any] = {
    "function": secret,
    "async-function": asecret,
    "csrf-exempt": csrf_exempt(secret),
    "class": Secret.as_view(),
    "async-class": AsyncSecret.as_view(),
    "partial": partial(secret, more=1),
    "child-of-exempt": ChildOfOpen.as_view(),
    "wrapped-child-of-exempt": csrf_exempt(ChildOfOpen.as_view()),
    "decorated-child-of-exempt": DecoratedChildOfOpen.as_view(),
    "child-with-own-dispatch": ChildWithOwnDispatch.as_view(),
    "child-of-mixin": ChildOfMixin.as_view(),
}

# ------------------------------------------------------------------------------------------ demands


class Required(MFARequiredMixin, Secret):
    pass


class AsyncRequired(MFARequiredMixin, AsyncSecret):
    pass


@method_decorator(mfa_required, name="dispatch")
class RequiredByDecorator(Secret):
    pass


@method_decorator([mfa_required, csrf_exempt], name="dispatch")
class AsyncRequiredByDecorator(AsyncSecret):
    pass


class ChildOfRequired(Required):
    pass


class ChildOfRequiredByDecorator(RequiredByDecorator):
    pass


REQUIRED: dict[str, Any] = {
    "function": mfa_required(secret),
    "async-function": mfa_required(asecret),
    "csrf-exempt": csrf_exempt(mfa_required(secret)),
    "exempt-inside": mfa_required(mfa_exempt(secret)),
    "exempt-outside": mfa_exempt(mfa_required(secret)),
    "async-exempt-outside": mfa_exempt(mfa_required(asecret)),
    "partial": partial(mfa_required(secret), more=1),
    "class": RequiredByDecorator.as_view(),
    "async-class": AsyncRequiredByDecorator.as_view(),
    "mixin": Required.as_view(),
    "async-mixin": AsyncRequired.as_view(),
    "child-of-mixin": ChildOfRequired.as_view(),
    "child-of-class": ChildOfRequiredByDecorator.as_view(),
}


class Recent(MFARecentMixin, Secret):
    mfa_max_age = 60


class AsyncRecent(MFARecentMixin, AsyncSecret):
    mfa_max_age = 60


@method_decorator(mfa_recent(60), name="dispatch")
class RecentByDecorator(Secret):
    pass


@method_decorator(mfa_recent(60), name="dispatch")
class AsyncRecentByDecorator(AsyncSecret):
    pass


RECENT: dict[str, Any] = {
    "function": mfa_recent(60)(secret),
    "async-function": mfa_recent(60)(asecret),
    "exempt-outside": mfa_exempt(mfa_recent(60)(secret)),
    "class": RecentByDecorator.as_view(),
    "async-class": AsyncRecentByDecorator.as_view(),
    "mixin": Recent.as_view(),
    "async-mixin": AsyncRecent.as_view(),
}

# ------------------------------------------------------------------------------------ other answers


def stream(_request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[str]:
        yield from (SECRET, "\n")

    return StreamingHttpResponse(parts())


async def astream(_request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[str]:
        yield SECRET
        await asyncio.sleep(0)
        yield "\n"

    return StreamingHttpResponse(parts())


def download(_request: HttpRequest) -> FileResponse:
    response = FileResponse([SECRET.encode()], as_attachment=True, filename="letter.txt")
    response["X-Accel-Redirect"] = "/protected/letter.txt"
    return response


@etag(lambda _request: "v1")
def unchanged(request: HttpRequest) -> HttpResponse:
    return secret(request)


def poll(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"news": SECRET})


ANSWERS: dict[str, Any] = {
    "stream": stream,
    "astream": astream,
    "download": download,
    "unchanged": unchanged,
    "poll": poll,
}


def _below(prefix: str, views: dict[str, Any]) -> list[Any]:
    return [
        path(f"{prefix}/{name}/", view, name=f"{prefix}-{name}") for name, view in views.items()
    ]


urlpatterns = [
    *_below("exempt", EXEMPT),
    *_below("gated", GATED),
    *_below("required", REQUIRED),
    *_below("recent", RECENT),
    *_below("answer", ANSWERS),
    # Names and paths that look like those of ours.
    path("account/sign-in-evil/", secret),
    path("account/sign-inX", secret),
    path("accounts/login/", secret, name="login"),
    path("more/", include(([path("x/", secret, name="sign_in")], "cognito_mfa_evil"))),
    path("sign_in/", secret, name="sign_in"),
    re_path(r"static/evil", secret),
    re_path(r"^anything/(?P<tail>.*)$", secret),
    *site,
]
