"""Tags of pools: "Tags" in docs/cognito-behavior.md."""

from __future__ import annotations

from typing import Any

import pytest

from cognito_mfa.local import LocalCognito
from tests.local.caller import POOL_ID, refused

ARN = f"arn:aws:cognito-idp:us-east-1:123456789012:userpool/{POOL_ID}"


@pytest.fixture(autouse=True)
def plain(cognito: LocalCognito) -> None:
    cognito.create_pool(POOL_ID)


def tags(boto: Any) -> Any:
    return boto.list_tags_for_resource(ResourceArn=ARN)["Tags"]


def test_tags_are_added_changed_and_taken_away(either_boto: Any) -> None:
    either_boto.tag_resource(ResourceArn=ARN, Tags={"team": "web", "stage": "test"})
    either_boto.tag_resource(ResourceArn=ARN, Tags={"stage": ""})
    described = either_boto.describe_user_pool(UserPoolId=POOL_ID)["UserPool"]
    assert described["UserPoolTags"] == tags(either_boto) == {"team": "web", "stage": ""}
    either_boto.untag_resource(ResourceArn=ARN, TagKeys=["team", "unknown"])
    assert tags(either_boto) == {"stage": ""}


def test_a_pool_is_created_with_tags_and_an_update_replaces_them(boto: Any) -> None:
    made = boto.create_user_pool(PoolName="tagged", UserPoolTags={"team": "web"})["UserPool"]
    assert made["UserPoolTags"] == {"team": "web"}
    boto.update_user_pool(UserPoolId=made["Id"], UserPoolTags={"stage": "live"})
    assert boto.list_tags_for_resource(ResourceArn=made["Arn"])["Tags"] == {"stage": "live"}


def test_a_pool_has_at_most_fifty_tags(boto: Any) -> None:
    fifty = {f"key{number}": "" for number in range(50)}
    boto.tag_resource(ResourceArn=ARN, Tags=fifty)
    boto.tag_resource(ResourceArn=ARN, Tags={"key7": "changed"})
    with refused("InvalidParameterException"):
        boto.tag_resource(ResourceArn=ARN, Tags={"key50": ""})
    with refused("UserPoolTaggingException"):
        boto.create_user_pool(PoolName="tagged", UserPoolTags={**fifty, "key50": ""})
    assert len(tags(boto)) == 50


@pytest.mark.parametrize("key", ["aws:team", "AWS:team", "k" * 129])
def test_a_key_is_short_and_not_of_aws(boto: Any, key: str) -> None:
    with refused("InvalidParameterException"):
        boto.tag_resource(ResourceArn=ARN, Tags={key: "web"})
    boto.tag_resource(ResourceArn=ARN, Tags={"k" * 128: "v" * 256})
    with refused("InvalidParameterException"):
        boto.tag_resource(ResourceArn=ARN, Tags={"key": "v" * 257})


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        (ARN.replace(POOL_ID, "us-east-1_Unknown00"), "ResourceNotFoundException"),
        (ARN.replace("123456789012", "210987654321"), "ResourceNotFoundException"),
        (ARN.replace("userpool", "identitypool"), "InvalidParameterException"),
        (f"arn:aws:s3:us-east-1:123456789012:userpool/{POOL_ID}", "InvalidParameterException"),
    ],
)
def test_an_arn_of_something_else_is_refused(boto: Any, arn: str, code: str) -> None:
    with refused(code):
        boto.list_tags_for_resource(ResourceArn=arn)
