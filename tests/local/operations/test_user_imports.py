"""Jobs that import users: "User imports" in docs/cognito-behavior.md."""

from __future__ import annotations

from typing import Any

import pytest

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.local.caller import POOL_ID, members, refused

ROLE = "arn:aws:iam::123456789012:role/CognitoCloudWatchLogsRole"


@pytest.fixture(autouse=True)
def plain(optional_pool: LocalPool) -> None:
    pass


def create(boto: Any, name: str = "first") -> Any:
    answer = boto.create_user_import_job(
        UserPoolId=POOL_ID, JobName=name, CloudWatchLogsRoleArn=ROLE
    )
    return answer["UserImportJob"]


def test_a_job_waits_for_its_file_for_a_day(cognito: LocalCognito, either_boto: Any) -> None:
    job = create(either_boto)
    which = {"UserPoolId": POOL_ID, "JobId": job["JobId"]}
    assert (job["JobName"], job["Status"], job["CloudWatchLogsRoleArn"]) == (
        "first",
        "Created",
        ROLE,
    )
    assert either_boto.describe_user_import_job(**which)["UserImportJob"] == job
    cognito.clock.advance(86400)
    expired = either_boto.describe_user_import_job(**which)["UserImportJob"]
    assert expired["Status"] == "Expired"
    assert expired["CompletionMessage"] == "The user import job has expired."


def test_none_starts_without_a_file(boto: Any) -> None:
    which = {"UserPoolId": POOL_ID, "JobId": create(boto)["JobId"]}
    text = f"No csv file was uploaded for {which['JobId']}"
    with refused("PreconditionNotMetException", text):
        boto.start_user_import_job(**which)
    with refused("PreconditionNotMetException"):
        boto.stop_user_import_job(**which)


def test_jobs_are_listed_with_the_newest_first(boto: Any) -> None:
    assert members(boto.list_user_import_jobs(UserPoolId=POOL_ID, MaxResults=1)) == {}
    for name in ("first", "second"):
        create(boto, name)
    page = boto.list_user_import_jobs(UserPoolId=POOL_ID, MaxResults=1)
    rest = boto.list_user_import_jobs(
        UserPoolId=POOL_ID, MaxResults=1, PaginationToken=page["PaginationToken"]
    )
    found = [job["JobName"] for one in (page, rest) for job in one["UserImportJobs"]]
    assert found == ["second", "first"]
    assert "PaginationToken" not in rest


def test_an_unknown_job(boto: Any) -> None:
    for call in (
        boto.describe_user_import_job,
        boto.start_user_import_job,
        boto.stop_user_import_job,
    ):
        with refused("ResourceNotFoundException"):
            call(UserPoolId=POOL_ID, JobId="import-unknown")


def test_the_header_names_all_attributes_of_the_pool(boto: Any) -> None:
    boto.add_custom_attributes(
        UserPoolId=POOL_ID, CustomAttributes=[{"Name": "team", "AttributeDataType": "String"}]
    )
    header = boto.get_csv_header(UserPoolId=POOL_ID)["CSVHeader"]
    assert header[:2] == ["name", "given_name"]
    assert header[-3:] == ["custom:team", "cognito:mfa_enabled", "cognito:username"]
    assert "sub" not in header
