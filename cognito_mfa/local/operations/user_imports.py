"""Jobs that import users from a file. They never start, because the file cannot be uploaded.

See "User imports" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import secrets
import string
from typing import Any

from cognito_mfa.local.errors import PreconditionNotMetException, ResourceNotFoundException
from cognito_mfa.local.operations.context import Context, Parameters, Payload
from cognito_mfa.local.operations.paging import page_start, page_token
from cognito_mfa.local.rules import attribute_schema
from cognito_mfa.local.rules.state import ImportJob, UserPool

A_DAY = 86400.0
COLUMNS_OF_COGNITO = ("cognito:mfa_enabled", "cognito:username")


def create_user_import_job(context: Context, parameters: Parameters) -> Payload:
    """Create a job."""
    pool = context.pool(parameters)
    job = ImportJob(
        id=f"import-{_random(10)}",
        name=parameters["JobName"],
        role_arn=parameters["CloudWatchLogsRoleArn"],
        hashing=parameters.get("PasswordHashingAlgorithm"),
        created_at=context.clock.now(),
    )
    pool.import_jobs[job.id] = job
    return {"UserImportJob": _described(context, pool, job)}


def describe_user_import_job(context: Context, parameters: Parameters) -> Payload:
    """Return a job."""
    pool, job = _job(context, parameters)
    return {"UserImportJob": _described(context, pool, job)}


def list_user_import_jobs(context: Context, parameters: Parameters) -> Payload:
    """Return a page of a pool's jobs, the newest first."""
    pool = context.pool(parameters)
    start = page_start(parameters.get("PaginationToken"), "ListUserImportJobs", pool.id)
    end = start + parameters["MaxResults"]
    jobs = list(reversed(pool.import_jobs.values()))
    found = [_described(context, pool, job) for job in jobs[start:end]]
    page: Payload = {"UserImportJobs": found} if found else {}
    if len(jobs) > end:
        page["PaginationToken"] = page_token(end, "ListUserImportJobs", pool.id)
    return page


def start_user_import_job(context: Context, parameters: Parameters) -> Payload:
    """Refuse to start a job, as Cognito does until its file is uploaded."""
    _, job = _job(context, parameters)
    raise PreconditionNotMetException(f"No csv file was uploaded for {job.id}")


def stop_user_import_job(context: Context, parameters: Parameters) -> Payload:
    """Refuse to stop a job that has not started."""
    _, job = _job(context, parameters)
    raise PreconditionNotMetException(f"{job.id} has not been started.")


def get_csv_header(context: Context, parameters: Parameters) -> Payload:
    """Return the first line of a file of users, which names the attributes of the pool."""
    pool = context.pool(parameters)
    attributes = [
        one.name
        for one in attribute_schema.attributes(pool).values()
        if one.name not in attribute_schema.COGNITOS_OWN and not one.developer_only
    ]
    return {"UserPoolId": pool.id, "CSVHeader": [*attributes, *COLUMNS_OF_COGNITO]}


def _job(context: Context, parameters: Parameters) -> tuple[UserPool, ImportJob]:
    pool, job_id = context.pool(parameters), parameters["JobId"]
    if job_id not in pool.import_jobs:
        raise ResourceNotFoundException(f"User import job {job_id} does not exist.")
    return pool, pool.import_jobs[job_id]


def _described(context: Context, pool: UserPool, job: ImportJob) -> dict[str, Any]:
    over = job.created_at + A_DAY
    expired = {
        "Status": "Expired",
        "CompletionDate": over,
        "CompletionMessage": "The user import job has expired.",
    }
    return {
        "JobName": job.name,
        "JobId": job.id,
        "UserPoolId": pool.id,
        "PreSignedUrl": _address(pool, job),
        "CreationDate": job.created_at,
        "CloudWatchLogsRoleArn": job.role_arn,
        "ImportedUsers": 0,
        "SkippedUsers": 0,
        "FailedUsers": 0,
        **(expired if context.clock.now() >= over else {"Status": "Created"}),
        **({"PasswordHashingAlgorithm": job.hashing} if job.hashing else {}),
    }


def _address(pool: UserPool, job: ImportJob) -> str:
    """Return a URL for the upload, which leads to nothing."""
    return f"https://user-import.invalid/{pool.id}/{job.id}.csv"


def _random(length: int) -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))
