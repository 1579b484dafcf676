// The person before the browser, who has no authenticator app yet: a sign-in on managed login with
// its setup. Gives the address that the browser is sent back to.

import assert from "node:assert/strict";
import { code } from "./totp.mjs";

export async function signIn(url) {
  let page = await (await fetch(url)).text();
  page = await (await send(url, page, { username: "ada", password: "Correct-Horse-7" })).text();
  const [, secret] = page.match(/href="otpauth:[^"]*secret=([A-Z2-7]+)/);
  const done = await send(url, page, { code: code(secret, Date.now() / 1000) });
  assert.equal(done.status, 302);
  return new URL(done.headers.get("location"));
}

function send(url, page, values) {
  const hidden = page.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)"/g);
  const form = new URLSearchParams([...hidden].map(([, name, value]) => [name, value]));
  for (const [name, value] of Object.entries(values)) form.set(name, value);
  return fetch(url, { method: "POST", body: form, redirect: "manual" });
}
