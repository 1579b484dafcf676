"""The look of the classic pages: "The look of managed login" in docs/cognito-behavior.md."""

from __future__ import annotations

from typing import Any

import pytest

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.local.caller import CLIENT_ID, POOL_ID, refused

CSS = ".logo-customizable {max-width: 60%;}"


@pytest.fixture(autouse=True)
def domain(boto: Any, optional_pool: LocalPool) -> None:
    boto.create_user_pool_domain(UserPoolId=POOL_ID, Domain="example")


def put(boto: Any, client_id: str = CLIENT_ID, **look: Any) -> Any:
    request = {"UserPoolId": POOL_ID, "ClientId": client_id, **look}
    return boto.set_ui_customization(**request)["UICustomization"]


def get(boto: Any, **which: str) -> Any:
    return boto.get_ui_customization(UserPoolId=POOL_ID, **which)["UICustomization"]


def test_a_look_is_read_back(either_boto: Any) -> None:
    made = put(either_boto, CSS=CSS, ImageFile=b"picture")
    assert get(either_boto, ClientId=CLIENT_ID) == made
    assert (made["ClientId"], made["CSS"]) == (CLIENT_ID, CSS)
    assert made["ImageUrl"].endswith(f"/{made['CSSVersion']}/assets/images/image.jpg")


def test_a_client_without_a_look_has_that_of_all(boto: Any) -> None:
    assert get(boto, ClientId=CLIENT_ID) == {}
    everyones = put(boto, "ALL", CSS=CSS)
    assert get(boto) == get(boto, ClientId=CLIENT_ID) == everyones
    own = put(boto, CSS="own")
    assert get(boto, ClientId=CLIENT_ID) == own
    assert get(boto) == everyones


def test_a_look_is_replaced_and_taken_away(cognito: LocalCognito, boto: Any) -> None:
    first = put(boto, CSS=CSS, ImageFile=b"picture")
    cognito.clock.advance(1)
    second = put(boto, CSS="newer")
    assert "ImageUrl" not in second
    assert second["CreationDate"] == first["CreationDate"] < second["LastModifiedDate"]
    put(boto)
    assert get(boto, ClientId=CLIENT_ID) == {}


def test_an_empty_look_takes_it_away_too(boto: Any) -> None:
    put(boto, CSS=CSS)
    put(boto, CSS="", ImageFile=b"")
    assert get(boto, ClientId=CLIENT_ID) == {}


def test_it_goes_with_its_client(boto: Any, optional_pool: LocalPool) -> None:
    put(boto, CSS=CSS)
    boto.delete_user_pool_client(UserPoolId=POOL_ID, ClientId=CLIENT_ID)
    assert optional_pool.state.ui_customizations == {}
    with refused("ResourceNotFoundException"):
        get(boto, ClientId=CLIENT_ID)


def test_a_pool_needs_a_domain(boto: Any) -> None:
    boto.delete_user_pool_domain(UserPoolId=POOL_ID, Domain="example")
    text = "There has to be an existing domain associated with this user pool."
    with refused("InvalidParameterException", text):
        put(boto, CSS=CSS)


def test_an_image_has_a_largest_size(boto: Any) -> None:
    text = "Value at 'imageFile' failed to satisfy constraint: Member must have length less than"
    with refused("InvalidParameterException") as refusal:
        put(boto, ImageFile=b"x" * 131_073)
    assert text in refusal.text
    put(boto, ImageFile=b"x" * 131_072)
