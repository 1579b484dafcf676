"""Styles of managed login: "The look of managed login" in docs/cognito-behavior.md."""

from __future__ import annotations

from typing import Any

import pytest

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.local.caller import CLIENT_ID, POOL_ID, refused

SETTINGS = {"categories": {"global": {"colorSchemeMode": "LIGHT", "spacingDensity": "REGULAR"}}}
LOGO = {"Category": "FORM_LOGO", "ColorMode": "LIGHT", "Extension": "PNG", "Bytes": b"logo"}
CLIENT = {"UserPoolId": POOL_ID, "ClientId": CLIENT_ID}


@pytest.fixture(autouse=True)
def plain(optional_pool: LocalPool) -> None:
    pass


def create(boto: Any, **style: Any) -> Any:
    return boto.create_managed_login_branding(**CLIENT, **style)["ManagedLoginBranding"]


def by_id(style: Any) -> dict[str, str]:
    return {name: style[name] for name in ("UserPoolId", "ManagedLoginBrandingId")}


def test_a_style_is_read_back(either_boto: Any) -> None:
    made = create(either_boto, Settings=SETTINGS, Assets=[LOGO])
    assert (made["Settings"], made["Assets"]) == (SETTINGS, [LOGO])
    for found in (
        either_boto.describe_managed_login_branding(**by_id(made), ReturnMergedResources=True),
        either_boto.describe_managed_login_branding_by_client(**CLIENT),
    ):
        assert found["ManagedLoginBranding"] == made


def test_an_empty_image_is_not_described(boto: Any) -> None:
    made = create(boto, Assets=[{**LOGO, "Bytes": b""}])
    assert "Bytes" not in made["Assets"][0]


def test_what_an_update_leaves_out_stays(cognito: LocalCognito, boto: Any) -> None:
    made = create(boto, Settings=SETTINGS, Assets=[LOGO])
    cognito.clock.advance(1)
    icon = {"Category": "FAVICON_SVG", "ColorMode": "DYNAMIC", "Extension": "SVG", "Bytes": b"i"}
    changed = boto.update_managed_login_branding(
        **by_id(made),
        Settings={"categories": {"global": {"colorSchemeMode": "DARK"}}},
        Assets=[icon, {**LOGO, "Bytes": b"newer"}],
    )["ManagedLoginBranding"]
    assert changed["Settings"]["categories"]["global"] == {
        "colorSchemeMode": "DARK",
        "spacingDensity": "REGULAR",
    }
    assert changed["Assets"] == [{**LOGO, "Bytes": b"newer"}, icon]
    assert changed["LastModifiedDate"] > changed["CreationDate"]


def test_cognitos_own_style_has_no_other(boto: Any) -> None:
    with refused("InvalidParameterException"):
        create(boto, UseCognitoProvidedValues=True, Settings=SETTINGS)
    made = create(boto, Settings=SETTINGS)
    changed = boto.update_managed_login_branding(**by_id(made), UseCognitoProvidedValues=True)
    assert changed["ManagedLoginBranding"]["UseCognitoProvidedValues"] is True
    assert "Settings" not in changed["ManagedLoginBranding"]


def test_a_client_has_one_style(boto: Any) -> None:
    made = create(boto)
    with refused("ManagedLoginBrandingExistsException"):
        create(boto)
    boto.delete_managed_login_branding(**by_id(made))
    for call in (boto.describe_managed_login_branding, boto.delete_managed_login_branding):
        with refused("ResourceNotFoundException"):
            call(**by_id(made))
    with refused("ResourceNotFoundException"):
        boto.describe_managed_login_branding_by_client(**CLIENT)
    create(boto)


def test_an_update_must_say_of_what(boto: Any) -> None:
    with refused("InvalidParameterException", "ManagedLoginBrandingId is required."):
        boto.update_managed_login_branding(UserPoolId=POOL_ID)


def test_it_goes_with_its_client(boto: Any, optional_pool: LocalPool) -> None:
    create(boto)
    boto.delete_user_pool_client(**CLIENT)
    assert optional_pool.state.brandings == {}
