"""Groups of users, which their tokens list.

See "Claims" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cognito_mfa.local.errors import GroupExistsException, ResourceNotFoundException
from cognito_mfa.local.operations.context import Context, Parameters, Payload
from cognito_mfa.local.operations.paging import page_start, page_token
from cognito_mfa.local.operations.users import listed
from cognito_mfa.local.rules.claims import groups_of
from cognito_mfa.local.rules.state import Group, UserPool

LARGEST_PAGE = 60


def create_group(context: Context, parameters: Parameters) -> Payload:
    """Create a group."""
    pool = context.pool(parameters)
    name, now = parameters["GroupName"], context.clock.now()
    if name in pool.groups:
        raise GroupExistsException("A group with the name already exists.")
    group = Group(
        name=name,
        description=parameters.get("Description") or None,
        role_arn=parameters.get("RoleArn"),
        precedence=parameters.get("Precedence"),
        created_at=now,
        modified_at=now,
    )
    pool.groups[name] = group
    return {"Group": _described(pool, group)}


def get_group(context: Context, parameters: Parameters) -> Payload:
    """Return one group."""
    pool, group = _group(context, parameters)
    return {"Group": _described(pool, group)}


def update_group(context: Context, parameters: Parameters) -> Payload:
    """Change a group. Members that are left out stay."""
    pool, group = _group(context, parameters)
    group.description = parameters.get("Description", group.description) or None
    group.role_arn = parameters.get("RoleArn", group.role_arn)
    group.precedence = parameters.get("Precedence", group.precedence)
    group.modified_at = context.clock.now()
    return {"Group": _described(pool, group)}


def delete_group(context: Context, parameters: Parameters) -> Payload:
    """Delete a group, and remove it from its users."""
    pool, group = _group(context, parameters)
    del pool.groups[group.name]
    for user in pool.users.values():
        if group.name in user.groups:
            user.groups.remove(group.name)
    return {}


def list_groups(context: Context, parameters: Parameters) -> Payload:
    """Return a page of a pool's groups."""
    pool = context.pool(parameters)
    groups = [_described(pool, group) for group in pool.groups.values()]
    return _page("Groups", groups, parameters, "ListGroups", pool.id)


def admin_add_user_to_group(context: Context, parameters: Parameters) -> Payload:
    """Add a user to a group. To repeat it is not an error."""
    _, group = _group(context, parameters)
    _, user = context.user(parameters)
    if group.name not in user.groups:
        user.groups.append(group.name)
    return {}


def admin_remove_user_from_group(context: Context, parameters: Parameters) -> Payload:
    """Remove a user from a group. To repeat it is not an error."""
    _, group = _group(context, parameters)
    _, user = context.user(parameters)
    if group.name in user.groups:
        user.groups.remove(group.name)
    return {}


def admin_list_groups_for_user(context: Context, parameters: Parameters) -> Payload:
    """Return a page of a user's groups, the most important first."""
    pool, user = context.user(parameters)
    groups = [_described(pool, group) for group in groups_of(pool, user)]
    return _page("Groups", groups, parameters, "AdminListGroupsForUser", user.sub)


def list_users_in_group(context: Context, parameters: Parameters) -> Payload:
    """Return a page of a group's users."""
    pool, group = _group(context, parameters)
    members = [listed(one, None) for one in pool.users.values() if group.name in one.groups]
    return _page("Users", members, parameters, "ListUsersInGroup", pool.id, group.name)


def _group(context: Context, parameters: Parameters) -> tuple[UserPool, Group]:
    pool = context.pool(parameters)
    group = pool.groups.get(parameters["GroupName"])
    if group is None:
        raise ResourceNotFoundException("Group not found.")
    return pool, group


def _page(
    name: str, items: Sequence[Mapping[str, Any]], parameters: Parameters, *scope: str
) -> Payload:
    start = page_start(parameters.get("NextToken"), *scope)
    size = parameters.get("Limit") or LARGEST_PAGE
    page: Payload = {name: items[start : start + size]}
    if len(items) > start + size:
        page["NextToken"] = page_token(start + size, *scope)
    return page


def _described(pool: UserPool, group: Group) -> dict[str, Any]:
    optional = {
        "Description": group.description,
        "RoleArn": group.role_arn,
        "Precedence": group.precedence,
    }
    return {
        "GroupName": group.name,
        "UserPoolId": pool.id,
        **{name: value for name, value in optional.items() if value is not None},
        "CreationDate": group.created_at,
        "LastModifiedDate": group.modified_at,
    }
