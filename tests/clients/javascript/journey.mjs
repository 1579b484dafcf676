// The AWS SDK for JavaScript v3 on the whole way: sign-up, set-up, a code, a device that is
// remembered. Run as `node journey.mjs`, told by the environment: URL (of the local Cognito),
// CLIENT_ID, CLOCK (Cognito's time in seconds), and PART ("first" or "later"). What the later part
// must know of the first goes through standard output and KNOWN.

import assert from "node:assert/strict";
import {
  AssociateSoftwareTokenCommand,
  CognitoIdentityProviderClient,
  ConfirmDeviceCommand,
  ConfirmSignUpCommand,
  EnableSoftwareTokenMFAException,
  GetUserCommand,
  InitiateAuthCommand,
  RespondToAuthChallengeCommand,
  SignUpCommand,
  VerifySoftwareTokenCommand,
} from "@aws-sdk/client-cognito-identity-provider";
import { newDevice, proof } from "./device.mjs";
import { code as codeAt } from "./totp.mjs";

const { URL: url, CLIENT_ID: ClientId, CLOCK: clock, PART: part, KNOWN: known } = process.env;
const USERNAME = "ada";
const PASSWORD = "Correct-Horse-7";
const NAME = "My personal mobile device";

// Public operations are not signed; the SDK still wants a region.
const client = new CognitoIdentityProviderClient({ endpoint: url, region: "us-east-1" });
const say = (command) => client.send(command);

// What an authenticator app shows, `steps` times thirty seconds from now.
const code = (secret, steps = 0) => codeAt(secret, Number(clock) + 30 * steps);

const signIn = (more = {}) =>
  say(
    new InitiateAuthCommand({
      ClientId,
      AuthFlow: "USER_PASSWORD_AUTH",
      AuthParameters: { USERNAME, PASSWORD, ...more },
    }),
  );

const respond = (ChallengeName, Session, answers = {}) =>
  say(
    new RespondToAuthChallengeCommand({
      ClientId,
      ChallengeName,
      Session,
      ChallengeResponses: { USERNAME, ...answers },
    }),
  );

async function first() {
  const UserAttributes = [{ Name: "email", Value: "ada@example.com" }];
  await say(new SignUpCommand({ ClientId, Username: USERNAME, Password: PASSWORD, UserAttributes }));
  const { messages } = await (await fetch(`${url}/outbox`)).json();
  await say(new ConfirmSignUpCommand({ ClientId, Username: USERNAME, ConfirmationCode: messages[0].code }));

  const asked = await signIn();
  assert.equal(asked.ChallengeName, "MFA_SETUP");
  assert.deepEqual(JSON.parse(asked.ChallengeParameters.MFAS_CAN_SETUP), ["SOFTWARE_TOKEN_MFA"]);
  const { SecretCode: secret, Session } = await say(new AssociateSoftwareTokenCommand({ Session: asked.Session }));

  const wrong = new VerifySoftwareTokenCommand({ Session, UserCode: code(secret, 1000) });
  await assert.rejects(say(wrong), (error) => {
    assert.ok(error instanceof EnableSoftwareTokenMFAException);
    assert.equal(error.message, "Code mismatch");
    return true;
  });
  const right = new VerifySoftwareTokenCommand({ Session, UserCode: code(secret), FriendlyDeviceName: NAME });
  const verified = await say(right);
  assert.equal(verified.Status, "SUCCESS");

  const { AuthenticationResult: tokens } = await respond("MFA_SETUP", verified.Session);
  const { device, config } = newDevice(tokens.NewDeviceMetadata);
  await say(
    new ConfirmDeviceCommand({
      AccessToken: tokens.AccessToken,
      DeviceKey: device.key,
      DeviceName: "Laptop",
      DeviceSecretVerifierConfig: config,
    }),
  );
  console.log(JSON.stringify({ secret, device }));
}

async function later({ secret, device }) {
  const asked = await signIn();
  assert.equal(asked.ChallengeName, "SOFTWARE_TOKEN_MFA");
  assert.equal(asked.ChallengeParameters.FRIENDLY_DEVICE_NAME, NAME);
  const done = await respond("SOFTWARE_TOKEN_MFA", asked.Session, { SOFTWARE_TOKEN_MFA_CODE: code(secret) });
  assert.notEqual(done.AuthenticationResult.NewDeviceMetadata.DeviceKey, device.key);

  const step = await signIn({ DEVICE_KEY: device.key });
  assert.equal(step.ChallengeName, "DEVICE_SRP_AUTH");
  const { SRP_A, claim } = proof(device);
  const challenge = await respond("DEVICE_SRP_AUTH", step.Session, { DEVICE_KEY: device.key, SRP_A });
  assert.equal(challenge.ChallengeName, "DEVICE_PASSWORD_VERIFIER");
  const answers = claim(challenge.ChallengeParameters, new Date(clock * 1000));
  const in_ = await respond("DEVICE_PASSWORD_VERIFIER", challenge.Session, answers);
  assert.equal(in_.AuthenticationResult.NewDeviceMetadata, undefined);

  const user = await say(new GetUserCommand({ AccessToken: in_.AuthenticationResult.AccessToken }));
  console.log(JSON.stringify({ username: user.Username }));
}

await (part === "first" ? first() : later(JSON.parse(known)));
