"""Lines for a terminal that sign in at the local Cognito as a mobile app does, and call the site with the access token."""

from __future__ import annotations

from example_project import demo_users, settings

USERNAME = "regular"
# `pick` prints what Cognito said where it refused, such as a code that was used already.
LINES = """\
ask() {{ curl -s {cognito} -H "Content-Type: application/x-amz-json-1.1" \\
  -H "X-Amz-Target: AWSCognitoIdentityProviderService.$1" -d "$2"; }}
pick() {{ python3 -c "import json, sys; answer = json.load(sys.stdin)
'__type' in answer and sys.exit(answer['message'])
print(answer$1)"; }}

SESSION=$(ask InitiateAuth '{{"ClientId": "{client}",
  "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": {{
  "USERNAME": "{username}", "PASSWORD": "{password}"}}}}' | pick "['Session']")
CODE=$(curl -s {site}/codes/ |
  pick "['{username}'][0]['code'].replace(' ', '')")
TOKEN=$(ask RespondToAuthChallenge '{{"ClientId": "{client}",
  "ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": "'"$SESSION"'",
  "ChallengeResponses": {{"USERNAME": "{username}",
  "SOFTWARE_TOKEN_MFA_CODE": "'"$CODE"'"}}}}' |
  pick "['AuthenticationResult']['AccessToken']")

curl -s {site}/who-am-i/ -H "Authorization: Bearer $TOKEN"
"""


def lines() -> str:
    """Return the lines; empty where the user is not as they need: with the first password and an authenticator app."""
    user = next((user for user in demo_users.shown() if user.username == USERNAME), None)
    if user is None or not user.password or not user.codes:
        return ""
    return LINES.format(
        cognito=settings.LOCAL_ENDPOINT,
        site=settings.SITE_URL,
        client=settings.COGNITO_MFA["CLIENT_ID"],
        username=user.username,
        password=user.password,
    )
