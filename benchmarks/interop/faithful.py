#!/usr/bin/env python
"""What each local Cognito does where it matters for MFA: the table in docs/local-cognito.md.

usage: .bench/ours/bin/python benchmarks/interop/faithful.py [--only 'moto;MiniStack']

Each row is a function of this file. It runs a small scenario against a running server and returns what happened: ``yes`` if
it was what Cognito does (docs/cognito-behavior.md gives the sources), or the difference in a few words. LocalStack is left
out, because only its paid image has Cognito.
"""

from __future__ import annotations

import argparse
import base64
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import function
import servers
from authenticator import Authenticator
from client import Client, Refused
from people import FLOWS, PASSWORD, STEP, Person, Pool, code_at, step_now
from servers import Server

YES = "yes"
Scene = Callable[["Stage"], str]
SCENES: dict[str, Scene] = {}


def row(title: str) -> Callable[[Scene], Scene]:
    """Makes a function a row of the table."""

    def enter(scene: Scene) -> Scene:
        SCENES[title] = scene
        return scene

    return enter


class Stage:
    """A running server and what scenes need of it; nobody is in two scenes."""

    def __init__(self, server: Server, client: Client) -> None:
        self.server = server
        self.client = client
        self.pools = {mfa: Pool.make(client, mfa) for mfa in ("OPTIONAL", "ON")}
        self._people = 0

    def somebody(self, mfa: str = "OPTIONAL") -> Person:
        self._people += 1
        return self.pools[mfa].add(f"person{self._people}@example.com")

    def enrolled(self) -> Person:
        """With an access token, the way that all of them play."""
        person = self.somebody()
        self.pools["OPTIONAL"].enrol(person)
        return person

    def asked(self, person: Person) -> dict[str, Any]:
        """The challenge after the password of somebody enrolled."""
        challenge = self.pools["OPTIONAL"].password(person.username)
        if challenge.get("ChallengeName") != "SOFTWARE_TOKEN_MFA":
            raise Deviates(f"{_next(challenge)} instead of SOFTWARE_TOKEN_MFA")
        return challenge

    def setting_up(self) -> tuple[Person, dict[str, Any]]:
        """Somebody invited into a pool that requires MFA, past the new password: the way to
        MFA_SETUP that most of them play."""
        pool = self.pools["ON"]
        self._people += 1
        person = Person(f"invited{self._people}@example.com")
        self.client.call(
            "AdminCreateUser",
            UserPoolId=pool.id,
            Username=person.username,
            MessageAction="SUPPRESS",
            TemporaryPassword="Temporary-Horse-7",
            UserAttributes=[{"Name": "email", "Value": person.username}],
        )
        asked = pool.password(person.username, "Temporary-Horse-7")
        challenge = self.client.call(
            "RespondToAuthChallenge",
            ClientId=pool.app,
            ChallengeName="NEW_PASSWORD_REQUIRED",
            Session=asked["Session"],
            ChallengeResponses={"USERNAME": person.username, "NEW_PASSWORD": PASSWORD},
        )
        if challenge.get("ChallengeName") != "MFA_SETUP":
            raise Deviates(f"{_next(challenge)} instead of MFA_SETUP")
        return person, challenge

    def associated(self) -> tuple[Person, str]:
        """Halfway through a set-up in session mode: the person with a secret, and the session."""
        person, challenge = self.setting_up()
        answer = self.client.call("AssociateSoftwareToken", Session=challenge["Session"])
        person.secret = answer["SecretCode"]
        return person, answer["Session"]

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.server.url + path, timeout=10) as answer:
            return json.loads(answer.read())


class Deviates(Exception):
    """What happened instead, in a few words."""


def _next(answer: dict[str, Any]) -> str:
    return "tokens" if "AuthenticationResult" in answer else str(answer.get("ChallengeName"))


def refusal(call: Callable[[], object], code: str, text: str = "") -> str:
    """``yes`` where the call is refused with this code and these words."""
    try:
        call()
    except Refused as refused:
        if refused.code != code:
            return f"{refused.code}"
        return YES if text in refused.message else f'text: "{refused.message[:60]}"'
    return "accepted"


def wrong(person: Person) -> str:
    near = {code_at(person.secret, step_now() + offset) for offset in range(-3, 4)}
    return next(code for code in (f"{n:06d}" for n in range(1000)) if code not in near)


@row("A new user in a pool that requires MFA gets MFA_SETUP")
def asks_for_set_up(stage: Stage) -> str:
    challenge = stage.pools["ON"].password(stage.somebody("ON").username)
    asked = challenge.get("ChallengeName") == "MFA_SETUP"
    return YES if asked else f"{_next(challenge)} instead"


@row("So does an invited user, after the new password")
def asks_the_invited(stage: Stage) -> str:
    stage.setting_up()
    return YES


@row("MFA_SETUP with a session: associate, verify, respond, tokens")
def sets_up_with_a_session(stage: Stage) -> str:
    person, session = stage.associated()
    code = code_at(person.secret, step_now())
    verified = stage.client.call("VerifySoftwareToken", Session=session, UserCode=code)
    done = stage.client.call(
        "RespondToAuthChallenge",
        ClientId=stage.pools["ON"].app,
        ChallengeName="MFA_SETUP",
        Session=verified["Session"],
        ChallengeResponses={"USERNAME": person.username},
    )
    return YES if "AuthenticationResult" in done else _next(done)


@row("Each step has its own session")
def sessions_rotate(stage: Stage) -> str:
    _, challenge = stage.setting_up()
    answer = stage.client.call("AssociateSoftwareToken", Session=challenge["Session"])
    return YES if answer["Session"] != challenge["Session"] else "keeps the same session"


@row("Each user has their own secret")
def secrets_differ(stage: Stage) -> str:
    secrets = {stage.enrolled().secret for _ in range(2)}
    return YES if len(secrets) == 2 else f"one for all ({len(secrets.pop())} characters)"


@row("A wrong code at VerifySoftwareToken: EnableSoftwareTokenMFAException")
def wrong_code_at_set_up(stage: Stage) -> str:
    person = stage.somebody()
    token = stage.pools["OPTIONAL"].password(person.username)["AuthenticationResult"]["AccessToken"]
    person.secret = stage.client.call("AssociateSoftwareToken", AccessToken=token)["SecretCode"]
    return refusal(
        lambda: stage.client.call("VerifySoftwareToken", AccessToken=token, UserCode=wrong(person)),
        "EnableSoftwareTokenMFAException",
    )


@row("A wrong code at sign-in is refused")
def wrong_code_at_sign_in(stage: Stage) -> str:
    person = stage.enrolled()
    challenge = stage.asked(person)
    pool = stage.pools["OPTIONAL"]
    return refusal(lambda: pool.answer(challenge, person, wrong(person)), "CodeMismatchException")


@row("After a wrong code, the same session accepts the right one")
def session_survives_a_wrong_code(stage: Stage) -> str:
    person = stage.enrolled()
    challenge, pool = stage.asked(person), stage.pools["OPTIONAL"]
    refusal(lambda: pool.answer(challenge, person, wrong(person)), "CodeMismatchException")
    # The set-up spent this step's code, and Cognito takes the next step's already.
    return _taken(stage, lambda: pool.answer(challenge, person, _fresh(person)))


@row("A code works once (ExpiredCodeException)")
def codes_are_taken_once(stage: Stage) -> str:
    person = stage.enrolled()
    pool = stage.pools["OPTIONAL"]
    code = _fresh(person)
    pool.answer(stage.asked(person), person, code)
    return refusal(lambda: pool.answer(stage.asked(person), person, code), "ExpiredCodeException")


@row("A code works 30 seconds early and late")
def codes_of_neighbouring_steps(stage: Stage) -> str:
    person = stage.enrolled()
    pool = stage.pools["OPTIONAL"]
    code = code_at(person.secret, step_now() + 1)
    return _taken(stage, lambda: pool.answer(stage.asked(person), person, code))


@row("Success uses up the session")
def sessions_are_consumed(stage: Stage) -> str:
    person = stage.enrolled()
    challenge, pool = stage.asked(person), stage.pools["OPTIONAL"]
    pool.answer(challenge, person, _fresh(person))
    code = code_at(person.secret, step_now())
    return refusal(
        lambda: pool.answer(challenge, person, code),
        "NotAuthorizedException",
        "session can only be used once",
    )


@row("A session belongs to one user")
def sessions_are_bound(stage: Stage) -> str:
    alice, bob = stage.enrolled(), stage.enrolled()
    challenge, pool = stage.asked(alice), stage.pools["OPTIONAL"]
    return refusal(
        lambda: pool.answer(challenge, bob, _fresh(bob)), "NotAuthorizedException", "session"
    )


@row("An invented session is refused as Cognito does")
def unknown_sessions(stage: Stage) -> str:
    challenge = {"ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": "x" * 1500}
    person, pool = stage.enrolled(), stage.pools["OPTIONAL"]
    code = _fresh(person)
    return refusal(
        lambda: pool.answer(challenge, person, code), "NotAuthorizedException", "Invalid session"
    )


@row("A wrong password: NotAuthorizedException")
def wrong_password(stage: Stage) -> str:
    person, pool = stage.somebody(), stage.pools["OPTIONAL"]
    return refusal(
        lambda: pool.password(person.username, "Wrong-Horse-7"),
        "NotAuthorizedException",
        "Incorrect username or password.",
    )


@row("Five wrong passwords lock the user")
def passwords_lock(stage: Stage) -> str:
    person, pool = stage.somebody(), stage.pools["OPTIONAL"]
    for _ in range(8):
        refusal(lambda: pool.password(person.username, "Wrong-Horse-7"), "NotAuthorizedException")
    return refusal(
        lambda: pool.password(person.username), "NotAuthorizedException", "attempts exceeded"
    )


@row("The friendly name is returned at sign-in")
def friendly_name(stage: Stage) -> str:
    person, pool = stage.somebody(), stage.pools["OPTIONAL"]
    token = pool.password(person.username)["AuthenticationResult"]["AccessToken"]
    person.secret = stage.client.call("AssociateSoftwareToken", AccessToken=token)["SecretCode"]
    stage.client.call(
        "VerifySoftwareToken",
        AccessToken=token,
        UserCode=code_at(person.secret, step_now()),
        FriendlyDeviceName="Anna's phone",
    )
    settings = {"Enabled": True, "PreferredMfa": True}
    stage.client.call("SetUserMFAPreference", AccessToken=token, SoftwareTokenMfaSettings=settings)
    name = stage.asked(person).get("ChallengeParameters", {}).get("FRIENDLY_DEVICE_NAME")
    return YES if name == "Anna's phone" else f"{name}"


@row("AdminDeleteSoftwareToken")
def admin_reset(stage: Stage) -> str:
    person, pool = stage.enrolled(), stage.pools["OPTIONAL"]
    stage.client.call("AdminDeleteSoftwareToken", UserPoolId=pool.id, Username=person.username)
    return YES if "AuthenticationResult" in pool.password(person.username) else "still asked"


@row("AdminSetUserMFAPreference")
def admin_preference(stage: Stage) -> str:
    person, pool = stage.enrolled(), stage.pools["OPTIONAL"]
    stage.client.call(
        "AdminSetUserMFAPreference",
        UserPoolId=pool.id,
        Username=person.username,
        SoftwareTokenMfaSettings={"Enabled": False, "PreferredMfa": False},
    )
    return YES if "AuthenticationResult" in pool.password(person.username) else "still asked"


@row("Tokens are signed with the published keys")
def signed_tokens(stage: Stage) -> str:
    person, pool = stage.somebody(), stage.pools["OPTIONAL"]
    token = pool.password(person.username)["AuthenticationResult"]["AccessToken"]
    keys = stage.get(f"/{pool.id}/.well-known/jwks.json")["keys"]
    return _signed_by(token, keys)


@row("After AdminUserGlobalSignOut an access token is refused")
def sign_out_revokes(stage: Stage) -> str:
    person, pool = stage.somebody(), stage.pools["OPTIONAL"]
    token = pool.password(person.username)["AuthenticationResult"]["AccessToken"]
    stage.client.call("AdminUserGlobalSignOut", UserPoolId=pool.id, Username=person.username)
    return refusal(
        lambda: stage.client.call("GetUser", AccessToken=token), "NotAuthorizedException"
    )


@row("USER_SRP_AUTH with a wrong password is refused")
def srp_is_checked(stage: Stage) -> str:
    app = stage.client.call(
        "CreateUserPoolClient",
        UserPoolId=stage.pools["OPTIONAL"].id,
        ClientName="srp",
        ExplicitAuthFlows=[*FLOWS, "ALLOW_USER_SRP_AUTH"],
    )["UserPoolClient"]["ClientId"]
    person = stage.somebody()
    begun = stage.client.call(
        "InitiateAuth",
        ClientId=app,
        AuthFlow="USER_SRP_AUTH",
        AuthParameters={"USERNAME": person.username, "SRP_A": "ab" * 384},
    )
    claim = {
        "USERNAME": begun["ChallengeParameters"]["USERNAME"],
        "PASSWORD_CLAIM_SECRET_BLOCK": begun["ChallengeParameters"]["SECRET_BLOCK"],
        "PASSWORD_CLAIM_SIGNATURE": base64.b64encode(bytes(32)).decode(),
        "TIMESTAMP": time.strftime("%a %b %-d %H:%M:%S UTC %Y", time.gmtime()),
    }
    return refusal(
        lambda: stage.client.call(
            "RespondToAuthChallenge",
            ClientId=app,
            ChallengeName="PASSWORD_VERIFIER",
            ChallengeResponses=claim,
            **({"Session": begun["Session"]} if begun.get("Session") else {}),
        ),
        "NotAuthorizedException",
    )


@row("An IAM operation without a signature is refused")
def unsigned_iam(stage: Stage) -> str:
    body = json.dumps({"UserPoolId": stage.pools["OPTIONAL"].id}).encode()
    target = "AWSCognitoIdentityProviderService.ListUsers"
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
    request = urllib.request.Request(stage.server.url, body, headers, method="POST")
    try:
        urllib.request.urlopen(request, timeout=10).close()
    except OSError as error:
        return YES if getattr(error, "code", None) in (400, 403) else str(error)
    return "accepted"


@row("The service model's limits apply (a code of letters)")
def limits_are_kept(stage: Stage) -> str:
    person = stage.somebody()
    token = stage.pools["OPTIONAL"].password(person.username)["AuthenticationResult"]["AccessToken"]
    stage.client.call("AssociateSoftwareToken", AccessToken=token)
    return refusal(
        lambda: stage.client.call("VerifySoftwareToken", AccessToken=token, UserCode="abcdef"),
        "InvalidParameterException",
        "validation error",
    )


def _schema_pool(stage: Stage) -> tuple[Pool, list[dict[str, Any]]]:
    """A pool with attributes of its own, one of which cannot change."""
    declared: list[dict[str, Any]] = [
        {
            "Name": "age",
            "AttributeDataType": "Number",
            "Mutable": True,
            "NumberAttributeConstraints": {"MinValue": "18", "MaxValue": "90"},
        },
        {"Name": "tenant", "AttributeDataType": "String", "Mutable": False},
    ]
    made = stage.client.call("CreateUserPool", PoolName="schema", Schema=declared)
    pool_id = made["UserPool"]["Id"]
    app = stage.client.call("CreateUserPoolClient", UserPoolId=pool_id, ClientName="schema")
    return Pool(stage.client, pool_id, app["UserPoolClient"]["ClientId"]), declared


@row("The attribute schema is described as it was given")
def schema_is_described(stage: Stage) -> str:
    pool, declared = _schema_pool(stage)
    described = stage.client.call("DescribeUserPool", UserPoolId=pool.id)["UserPool"]
    found = {one["Name"]: one for one in described.get("SchemaAttributes", [])}
    for one in declared:
        said = found.get(f"custom:{one['Name']}")
        if said is None:
            return f"without {one['Name']}"
        for member, value in one.items():
            if member != "Name" and said.get(member) != value:
                return f"{member}: {said.get(member)}"
    return YES


@row("A value that the schema does not allow is refused")
def schema_is_held(stage: Stage) -> str:
    pool, _ = _schema_pool(stage)

    def create(name: str, age: str) -> None:
        stage.client.call(
            "AdminCreateUser",
            UserPoolId=pool.id,
            Username=name,
            MessageAction="SUPPRESS",
            UserAttributes=[{"Name": "custom:age", "Value": age}],
        )

    create("ada", "36")
    return refusal(lambda: create("grace", "seventeen"), "InvalidParameterException")


@row("An immutable attribute cannot be changed")
def immutable_attributes(stage: Stage) -> str:
    pool, _ = _schema_pool(stage)
    stage.client.call(
        "AdminCreateUser",
        UserPoolId=pool.id,
        Username="ada",
        MessageAction="SUPPRESS",
        UserAttributes=[{"Name": "custom:tenant", "Value": "acme"}],
    )
    return refusal(
        lambda: stage.client.call(
            "AdminUpdateUserAttributes",
            UserPoolId=pool.id,
            Username="ada",
            UserAttributes=[{"Name": "custom:tenant", "Value": "other"}],
        ),
        "InvalidParameterException",
    )


@row("A pool that requires MFA is not created without a factor")
def mfa_needs_a_factor(stage: Stage) -> str:
    return refusal(
        lambda: stage.client.call("CreateUserPool", PoolName="on", MfaConfiguration="ON"),
        "InvalidParameterException",
    )


@row("Deletion protection keeps a pool")
def deletion_protection(stage: Stage) -> str:
    made = stage.client.call("CreateUserPool", PoolName="kept", DeletionProtection="ACTIVE")
    pool_id = made["UserPool"]["Id"]
    answer = refusal(
        lambda: stage.client.call("DeleteUserPool", UserPoolId=pool_id),
        "InvalidParameterException",
    )
    return answer if answer != "accepted" else "deleted"


@row("A domain and a resource server are created and described")
def domains_and_resource_servers(stage: Stage) -> str:
    pool_id = stage.client.call("CreateUserPool", PoolName="api")["UserPool"]["Id"]
    domain, scopes = f"bench-{stage.server.port}", [{"ScopeName": "read", "ScopeDescription": "r"}]
    stage.client.call("CreateUserPoolDomain", UserPoolId=pool_id, Domain=domain)
    described = stage.client.call("DescribeUserPoolDomain", Domain=domain)
    if described["DomainDescription"].get("UserPoolId") != pool_id:
        return "the domain is not described"
    stage.client.call(
        "CreateResourceServer", UserPoolId=pool_id, Identifier="api", Name="api", Scopes=scopes
    )
    server = stage.client.call("DescribeResourceServer", UserPoolId=pool_id, Identifier="api")
    return YES if server["ResourceServer"].get("Scopes") == scopes else "other scopes"


@row("A Lambda trigger can refuse a sign-up (UserLambdaValidationException)")
def triggers_are_called(stage: Stage) -> str:
    has_lambda = "lambda" in stage.server.environment.get("SERVICES", "")
    arn = function.created_at(stage.server.url) if has_lambda else function.ARN
    made = stage.client.call(
        "CreateUserPool", PoolName="functions", LambdaConfig={"PreSignUp": arn}
    )
    app = stage.client.call(
        "CreateUserPoolClient",
        UserPoolId=made["UserPool"]["Id"],
        ClientName="functions",
        ExplicitAuthFlows=FLOWS,
    )["UserPoolClient"]["ClientId"]
    return refusal(
        lambda: stage.client.call(
            "SignUp", ClientId=app, Username="ada@example.com", Password=PASSWORD
        ),
        "UserLambdaValidationException",
        function.REFUSAL,
    )


@row("A refresh with a null DEVICE_KEY works, as browsers send it")
def browsers_refresh(stage: Stage) -> str:
    person, pool = stage.somebody(), stage.pools["OPTIONAL"]
    token = pool.password(person.username)["AuthenticationResult"]["RefreshToken"]
    parameters = {"REFRESH_TOKEN": token, "DEVICE_KEY": None}
    answer = stage.client.call(
        "InitiateAuth",
        ClientId=pool.app,
        AuthFlow="REFRESH_TOKEN_AUTH",
        AuthParameters=parameters,
    )
    return YES if answer.get("AuthenticationResult", {}).get("AccessToken") else "no tokens"


@row("A passkey is registered, and signs in (USER_AUTH)")
def passkey(stage: Stage) -> str:
    return _with_passkey(stage, own=True)


@row("A passkey's signature by another key is refused")
def forged_passkey(stage: Stage) -> str:
    return refusal(lambda: _with_passkey(stage, own=False), "NotAuthorizedException")


@row("A page of another origin may call /oauth2/token, and see its errors")
def token_endpoint_is_open_to_pages(stage: Stage) -> str:
    url, origin = f"{stage.server.url}/oauth2/token", {"Origin": "https://app.example.com"}
    preflight = {**origin, "Access-Control-Request-Method": "POST"}
    form = {"Content-Type": "application/x-www-form-urlencoded", **origin}
    app, page = stage.pools["OPTIONAL"].app, "https%3A%2F%2Fapp.example.com%2F"
    body = f"grant_type=authorization_code&client_id={app}&code=x&redirect_uri={page}".encode()
    asked = _exchanged(urllib.request.Request(url, headers=preflight, method="OPTIONS"))
    answered = _exchanged(urllib.request.Request(url, body, form, method="POST"))
    if asked[0] >= 300 or not asked[1]:
        return f"preflight: HTTP {asked[0]}" + ("" if asked[1] else " without CORS")
    if not answered[1]:
        return f"HTTP {answered[0]} without CORS"
    said = answered[2].get("error")
    return YES if said == "invalid_grant" else f"another error: {said}"


@row("The OpenID configuration names the issuer that it was found at")
def discovery(stage: Stage) -> str:
    pool = stage.pools["OPTIONAL"]
    place = f"{stage.server.url}/{pool.id}"
    said = stage.get(f"/{pool.id}/.well-known/openid-configuration")
    person = stage.somebody()
    token = pool.password(person.username)["AuthenticationResult"]["IdToken"]
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    for issuer in (said.get("issuer"), claims.get("iss")):
        if str(issuer).replace("localhost", "127.0.0.1") != place:
            return f"{issuer}".replace(pool.id, "…")
    return YES if "authorization_endpoint" in said else "without authorization_endpoint"


def _with_passkey(stage: Stage, *, own: bool) -> str:
    """Registers a passkey, and signs in with it or with another of the same name."""
    pool, page = _pool_with_passkeys(stage), "http://localhost"
    person, authenticator = pool.add("passkey@example.com"), Authenticator(page)
    token = pool.password(person.username)["AuthenticationResult"]["AccessToken"]
    call = stage.client.call
    options = call("StartWebAuthnRegistration", AccessToken=token)["CredentialCreationOptions"]
    made = authenticator.make(options)
    call("CompleteWebAuthnRegistration", AccessToken=token, Credential=made)
    asked = call(
        "InitiateAuth",
        ClientId=pool.app,
        AuthFlow="USER_AUTH",
        AuthParameters={"USERNAME": person.username, "PREFERRED_CHALLENGE": "WEB_AUTHN"},
    )
    if asked.get("ChallengeName") != "WEB_AUTHN":
        raise Deviates(f"{_next(asked)} instead of WEB_AUTHN")
    wanted = json.loads(asked["ChallengeParameters"]["CREDENTIAL_REQUEST_OPTIONS"])
    signed = json.loads((authenticator if own else Authenticator(page)).sign(wanted))
    answer = call(
        "RespondToAuthChallenge",
        ClientId=pool.app,
        ChallengeName="WEB_AUTHN",
        Session=asked["Session"],
        ChallengeResponses={
            "USERNAME": person.username,
            "CREDENTIAL": json.dumps({**signed, "id": made["id"], "rawId": made["rawId"]}),
        },
    )
    return YES if "AuthenticationResult" in answer else f"{_next(answer)} instead of tokens"


def _pool_with_passkeys(stage: Stage) -> Pool:
    """A pool of its own, since signing in with a passkey takes settings in three places."""
    call = stage.client.call
    factors = {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "WEB_AUTHN"]}}
    pool = call("CreateUserPool", PoolName="passkeys", Policies=factors)["UserPool"]["Id"]
    call(
        "SetUserPoolMfaConfig",
        UserPoolId=pool,
        MfaConfiguration="OFF",
        WebAuthnConfiguration={"RelyingPartyId": "localhost"},
    )
    flows = [*FLOWS, "ALLOW_USER_AUTH"]
    app = call("CreateUserPoolClient", UserPoolId=pool, ClientName="x", ExplicitAuthFlows=flows)
    return Pool(stage.client, pool, app["UserPoolClient"]["ClientId"])


def _exchanged(request: urllib.request.Request) -> tuple[int, bool, dict[str, Any]]:
    """The status, whether a page may read the answer, and its JSON."""
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            status, headers, body = answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        status, headers, body = error.code, error.headers, error.read()
    origin = headers.get("Access-Control-Allow-Origin", "")
    try:
        said = json.loads(body or b"{}")
    except ValueError:
        said = {}
    allowed = origin in ("*", "https://app.example.com")
    return status, allowed, said if isinstance(said, dict) else {}


def _fresh(person: Person) -> str:
    """A code that the person has not used: enrolling spent this step's, so it waits for the next.
    (Some take the next step's code early, and some do not.)"""
    used = person.last_step
    while step_now() <= used or STEP - time.time() % STEP < 5:
        time.sleep(0.1)
    return person.code()


def _taken(stage: Stage, call: Callable[[], dict[str, Any]]) -> str:
    try:
        return YES if call().get("AccessToken") else "no tokens"
    except Refused as refused:
        return refused.code


def _signed_by(token: str, keys: Sequence[dict[str, str]]) -> str:
    import jwt

    kid = jwt.get_unverified_header(token).get("kid")
    key = next((key for key in keys if key["kid"] == kid), None)
    if key is None:
        return "the key is not published"
    try:
        public = jwt.PyJWK(key)
    except jwt.PyJWTError:
        return "the published key is invalid"
    try:
        jwt.decode(token, public, algorithms=["RS256"], options={"verify_aud": False})
    except jwt.PyJWTError as error:
        return f"{error}"
    return YES


def played(server: Server) -> list[str]:
    """All scenes, against one server."""
    server = servers.prepared(server)
    with servers.ready(server) as (_, client):
        stage = Stage(server, client)
        return [outcome(scene, stage) for scene in SCENES.values()]


def outcome(scene: Scene, stage: Stage) -> str:
    try:
        return scene(stage)
    except Deviates as deviates:
        return str(deviates)
    except Refused as refused:
        return f"refused: {refused.code}"
    except OSError as error:
        return f"no answer: {error}"


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--only", default="", help="names, separated by semicolons")
    options = made.parse_args()
    chosen = servers.named(options.only)
    with (
        function.serving(),
        ThreadPoolExecutor(len(chosen)) as threads,
    ):  # scenes mostly wait for the next code
        columns = list(threads.map(played, chosen))
    titles = [f"{server.name} {servers.version_of(server)}" for server in chosen]
    print("| | " + " | ".join(titles) + " |")
    print("|---" * (len(chosen) + 1) + "|")
    for number, title in enumerate(SCENES):
        print(f"| {title} | " + " | ".join(column[number] for column in columns) + " |")


if __name__ == "__main__":
    main()
