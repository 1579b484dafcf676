"""Parts of sites for the checks: derived, wrapped, renamed, and there without working."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import FunctionType
from typing import Any

from django.contrib import auth
from django.contrib.admin import AdminSite
from django.contrib.auth import authenticate
from django.contrib.auth import views as auth_views
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.decorators import login_required, user_passes_test
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import include, path, reverse_lazy
from django.utils.decorators import sync_and_async_middleware
from django.views.decorators.http import require_POST
from django.views.generic import RedirectView, TemplateView, View
from rest_framework.authentication import SessionAuthentication, TokenAuthentication
from rest_framework.authtoken.views import obtain_auth_token
from rest_framework.decorators import api_view
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from cognito_mfa.contrib.admin_site import MFAAdminSite
from cognito_mfa.contrib.rest_framework import IsMFAVerified
from cognito_mfa.local import make_client
from cognito_mfa.middleware import RequireMFAMiddleware
from tests.urls import urlpatterns as site_urls

renamed_client = make_client


class OwnSessions(SessionMiddleware):
    """The site's own, which Django's checks do not know by its name."""


# --------------------------------------------------------------------------------------------- middleware


class RestAuthLogin(APIView):
    """That of dj-rest-auth, which gives a token for a password."""

    __module__ = "dj_rest_auth.views"
    __qualname__ = "LoginView"


class DjoserLogin(APIView):
    """That of djoser."""

    __module__ = "djoser.views"
    __qualname__ = "TokenCreateView"


class RevisionMiddleware:
    """That of django-reversion, which opens a transaction around each request."""

    __module__ = "reversion.middleware"
    atomic = True

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request)


class DerivedRevisions(RevisionMiddleware):
    """The site's own, which opens one too."""


class RevisionsWithoutTransaction(RevisionMiddleware):
    """As the hint of E026 says."""

    atomic = False


class Derived(RequireMFAMiddleware):
    """A stricter gate of the site's own."""

    def process_view(self, request: HttpRequest, view: Any, *given: Any) -> HttpResponse | None:
        return super().process_view(request, view, *given)


class Forgetful(RequireMFAMiddleware):
    """Derives from the gate, and lets every user pass."""

    def process_view(self, *_given: Any) -> HttpResponse | None:
        return None


def made(get_response: Any) -> Any:
    """A function that returns the gate."""
    return Derived(get_response)


@wraps(AuthenticationMiddleware)
def renamed(get_response: Any) -> Any:
    """The gate, under the name of another middleware."""
    return RequireMFAMiddleware(get_response)


@sync_and_async_middleware
def both_kinds(get_response: Any) -> Any:
    return RequireMFAMiddleware(get_response)


@wraps(RequireMFAMiddleware)
def impostor(get_response: Any) -> Any:
    """Another middleware, under the name of the gate."""

    def answer(request: HttpRequest) -> Any:
        return get_response(request)

    return answer


def cut_off(get_response: Any) -> Any:
    """The gate inside a function, where Django finds no process_view."""
    gate = RequireMFAMiddleware(get_response)

    def answer(request: HttpRequest) -> Any:
        return gate(request)

    return answer


class Composed:
    """Holds the gate, and asks it."""

    def __init__(self, get_response: Any) -> None:
        self.gate = RequireMFAMiddleware(get_response)

    def __call__(self, request: HttpRequest) -> Any:
        return self.gate(request)

    def process_view(self, *given: Any) -> Any:
        return self.gate.process_view(*given)


class ComposedCutOff:
    """Holds the gate, and never asks it."""

    def __init__(self, get_response: Any) -> None:
        self.gate = RequireMFAMiddleware(get_response)

    def __call__(self, request: HttpRequest) -> Any:
        return self.gate(request)


def unused(_get_response: Any) -> Any:
    raise MiddlewareNotUsed


def fails(_get_response: Any) -> Any:
    raise RuntimeError("needs the real handler")


class OwnAuthentication(AuthenticationMiddleware):
    """Derives from Django's."""


class FailingBackend(BaseBackend):
    def __init__(self) -> None:
        raise RuntimeError("no directory")


def made_authentication(get_response: Any) -> Any:
    return AuthenticationMiddleware(get_response)


# ----------------------------------------------------------------------------------------------- sign-ins


def page(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("page")


class OwnLogin(auth_views.LoginView):
    """A password form with another template."""

    template_name = "own.html"


class Redirecting(auth_views.LoginView):
    """Derives from Django's form, and never shows it."""

    def dispatch(self, *_args: Any, **_kwargs: Any) -> Any:
        return HttpResponseRedirect("/account/sign-in/")


class OwnForm(AuthenticationForm):
    """A form that asks another user."""

    def clean(self) -> dict[str, Any]:
        return {}


class AskingElsewhere(auth_views.LoginView):
    authentication_form = OwnForm


def own_form(request: HttpRequest) -> HttpResponse:
    """A password form of the site's own, which asks Django's backends."""
    return HttpResponse(str(authenticate(request, **request.POST.dict())))


def own_form_by_module(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(auth.authenticate(request, **request.POST.dict())))


class OwnFormView(View):
    def post(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(str(AuthenticationForm(request, request.POST).is_valid()))


def authenticate_elsewhere(request: HttpRequest) -> HttpResponse:
    """Asks another user by a method of that name."""
    return HttpResponse(str(elsewhere.authenticate(request)))


class elsewhere:  # noqa: N801 - stands for a module
    @staticmethod
    def authenticate(request: HttpRequest) -> bool:
        return bool(request.POST)


def form_urls(view: Any) -> type:
    """Return a URLconf with a form of the site's own as its sign-in."""
    return type("Urls", (), {"urlpatterns": [path("login/", view, name="login"), *site_urls]})


def unknown(view: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator of the site's own."""

    @wraps(view)
    def inner(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    return inner


to_ours = RedirectView.as_view(pattern_name="cognito_mfa:sign_in", query_string=True)


class DjangosLogin:
    urlpatterns = [path("accounts/", include("django.contrib.auth.urls")), *site_urls]


class DerivedLogin:
    urlpatterns = [path("accounts/login/", OwnLogin.as_view(), name="login"), *site_urls]


class WrappedLogin:
    urlpatterns = [
        path("accounts/login/", unknown(auth_views.LoginView.as_view()), name="login"),
        *site_urls,
    ]


class TokensForPasswords:
    urlpatterns = [path("token/", obtain_auth_token), *site_urls]


class CoveredLogin:
    """Django's form, with a redirect to ours in front."""

    urlpatterns = [
        path("accounts/login/", to_ours, name="login"),
        path("accounts/", include("django.contrib.auth.urls")),
        *site_urls,
    ]


class RedirectingLogin:
    urlpatterns = [path("accounts/login/", Redirecting.as_view(), name="login"), *site_urls]


class LoginElsewhere:
    urlpatterns = [path("accounts/login/", AskingElsewhere.as_view(), name="login"), *site_urls]


class Members(LoginRequiredMixin, TemplateView):
    template_name = "none.html"


class CoveredPage:
    """The site's own account page, behind our include at the same address."""

    urlpatterns = [*site_urls, path("account/", page, name="account")]


class OwnPageFirst:
    urlpatterns = [path("account/", page, name="account"), *site_urls]


class Addresses:
    """Pages that settings may lead to."""

    urlpatterns = [
        path("members/", login_required(page), name="members"),
        path("mixed-in/", Members.as_view(), name="mixed-in"),
        path("visitors/", user_passes_test(lambda user: user.is_anonymous)(page), name="visitors"),
        path("only-post/", require_POST(page), name="only-post"),
        path("leave/", auth_views.LogoutView.as_view(), name="leave"),
        *site_urls,
    ]


# -------------------------------------------------------------------------------------------- admin sites


class Gated(MFAAdminSite):
    """An admin site of the site's own, made of ours."""


class Ungated(MFAAdminSite):
    """Made of ours, and lets in whom Django's would let in."""

    def has_permission(self, request: HttpRequest) -> bool:
        return bool(getattr(request.user, "is_staff", False))


class WithForm(MFAAdminSite):
    """Made of ours, with a password form again."""

    def login(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return auth_views.LoginView.as_view()(request)


class LedToUs(AdminSite):
    """Django's own, with a sign-in that is ours."""

    def login(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return HttpResponseRedirect(reverse_lazy("cognito_mfa:sign_in"))


def _with(site: AdminSite, *first: Any) -> type:
    return type(
        "Urls",
        (),
        {
            "urlpatterns": [
                *first,
                path("back/", site.urls),
                path("account/", include("cognito_mfa.urls")),
                path("", page),
            ]
        },
    )


_decorated = AdminSite(name="decorated")
_decorated.login = login_required(_decorated.login)  # type: ignore[method-assign]
GatedAdmin = _with(Gated(name="backoffice"))
UngatedAdmin = _with(Ungated(name="ungated"))
FormAdmin = _with(WithForm(name="form"))
PlainAdmin = _with(AdminSite(name="plain"))
LedAdmin = _with(LedToUs(name="led"))
DecoratedAdmin = _with(_decorated)
CoveredAdmin = _with(AdminSite(name="covered"), path("back/login/", to_ours))


# --------------------------------------------------------------------------------------------------- APIs


class Api(APIView):
    """With a token, every user who has one."""

    permission_classes = [IsAuthenticated]
    authentication_classes = [TokenAuthentication, SessionAuthentication]

    def get(self, _request: Any) -> Response:
        return Response("secret")


class GuardedApi(Api):
    permission_classes = [IsAuthenticated & IsMFAVerified]


class SessionApi(Api):
    authentication_classes = [SessionAuthentication]


class OpenApi(Api):
    permission_classes = [AllowAny]


class OwnPermission(IsMFAVerified):
    """Made of ours."""

    def has_permission(self, request: Any, view: Any) -> bool:
        return super().has_permission(request, view) and True


class NoPermission(IsMFAVerified):
    """Made of ours, and lets every user pass."""

    def has_permission(self, _request: Any, _view: Any) -> bool:
        return True


class DerivedApi(Api):
    permission_classes = [OwnPermission]


class HollowApi(Api):
    permission_classes = [NoPermission]


class OtherPermission(BasePermission):
    """Has nothing to do with ours."""


class MethodApi(Api):
    """Says in a method who may."""

    def get_permissions(self) -> Any:
        return [IsMFAVerified()]


class MixedSet(ViewSet):
    """Guards one action and not the other."""

    authentication_classes = [TokenAuthentication]

    def get_permissions(self) -> Any:
        return [IsMFAVerified()] if self.action == "list" else [IsAuthenticated()]

    def list(self, _request: Any) -> Response:
        return Response([])

    def create(self, _request: Any) -> Response:
        return Response([])


class NeedsRequest(Api):
    def get_permissions(self) -> Any:
        return [IsMFAVerified()] if self.request.method == "GET" else []


router = SimpleRouter()
router.register("mixed", MixedSet, basename="mixed")
function_api = api_view(["GET"])(page)
KINDS: dict[str, tuple[Any, str, str]] = {
    "plain": (
        Api.as_view(),
        "partly",
        "sessions only; not guarded against tokens: TokenAuthentication",
    ),
    "guarded": (GuardedApi.as_view(), "gated", "guarded by IsMFAVerified"),
    "sessions": (SessionApi.as_view(), "gated", ""),
    "derived": (DerivedApi.as_view(), "gated", "guarded by IsMFAVerified"),
    "method": (MethodApi.as_view(), "gated", "guarded by IsMFAVerified"),
    "at-the-url": (
        Api.as_view(permission_classes=[IsMFAVerified]),
        "gated",
        "guarded by IsMFAVerified",
    ),
    "hollow": (
        HollowApi.as_view(),
        "partly",
        "sessions only; not guarded against tokens: TokenAuthentication",
    ),
    "wrapped": (
        unknown(GuardedApi.as_view()),
        "partly",
        "sessions only; guarded against tokens by its own code, if at all: TokenAuthentication",
    ),
}


def api_urls(*names: str) -> type:
    """Return a URLconf with these of ``KINDS``."""
    patterns = [path(f"api/{name}/", KINDS[name][0]) for name in names or KINDS]
    return type("Urls", (), {"urlpatterns": [*patterns, *site_urls]})


class MixedUrls:
    urlpatterns = [path("api/", include(router.urls)), *site_urls]


class OpenApiUrls:
    urlpatterns = [path("api/open/", OpenApi.as_view()), *site_urls]


class NeedsRequestUrls:
    urlpatterns = [path("api/request/", NeedsRequest.as_view()), *site_urls]


# ------------------------------------------------------------------- a route like those of django-ninja 1.7


class AuthBase:
    """What authenticates a caller."""


AuthBase.__module__ = "ninja.security.base"


class HttpBearer(AuthBase):
    pass


class SessionAuth(AuthBase):
    pass


SessionAuth.__module__ = "ninja.security.session"


class Operation:
    def __init__(self, *auth: Any) -> None:
        self.auth_callbacks, self.view_func = auth, page


class PathView:
    def __init__(self, *operations: Operation) -> None:
        self.operations = operations


def ninja_view(*auth: Any) -> Any:
    """Return a view as django-ninja makes it: a function of its module, which holds the operations."""
    self = PathView(Operation(*auth))

    def sync_view_wrapper(request: HttpRequest) -> Any:
        return self, request

    return FunctionType(
        sync_view_wrapper.__code__,
        {**globals(), "__name__": "ninja.operation"},
        "sync_view_wrapper",
        closure=sync_view_wrapper.__closure__,
    )


class NinjaLike:
    urlpatterns = [path("ninja/", ninja_view(HttpBearer())), *site_urls]


class NinjaSessions:
    urlpatterns = [path("ninja/", ninja_view(SessionAuth())), *site_urls]


class NotFound(View):
    """A view without a method."""
