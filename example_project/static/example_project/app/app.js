// Every journey of the pages over the API: show what the session's step needs, send it, and look at the next step.

import { api, Problem } from "./api.js";
import { button as plain, element, form, picture } from "./dom.js";

const main = document.querySelector("[data-api]");
const site = api(main.dataset.api);
// Where these send the user: the step is over, or at another place than this window shows.
const LOST = new Set([
  "start_again", "wrong_step", "in_progress", "sign_in_required", "sign_in_again", "mfa_required", "mfa_too_old",
  "account_disabled", "account_gone", "account_unlinked", "account_unchecked", "signed_out", "session_idle",
]);

const password = (name, label, autocomplete) => ({ name, label, type: "password", autocomplete, dir: "ltr" });
const code = (label) => ({ name: "code", label, inputmode: "numeric", autocomplete: "one-time-code", dir: "ltr" });
const username = (value) => ({ name: "username", label: "Username or email address", autocomplete: "username", dir: "ltr", value });
const button = (text, act, kind) => plain(text, () => act().catch(failed), kind);
const link = (text, act) => button(text, act, "secondary"); // the less likely choice
const when = (moment) => new Date(moment).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });

const show = (title, messages, ...content) => {
  const heading = element("h1", { tabindex: "-1" }, title);
  const said = (messages ?? []).map((text) => element("li", {}, text));
  const status = element("div", { role: "status" }, said.length ? element("ul", { class: "cognito-mfa-messages" }, said) : "");
  main.replaceChildren(status, heading, ...content.flat().filter(Boolean));
  document.title = `${title} – Example Ltd`;
  (main.querySelector("input") ?? heading).focus();
};

const sends = (path, extra = {}, change = (values) => values) =>
  shows((values) => site.post(path, { ...change(values), ...extra }));

// Sends what was typed, and shows the next step, or where the user is if that is no longer the place to type it.
const shows = (send) => async (values) => {
  try {
    render(await send(values));
  } catch (problem) {
    if (!(problem instanceof Problem) || !LOST.has(problem.code)) throw problem;
    await failed(problem);
  }
};

// After a button: nothing was typed that could be kept, so the page of the current step says what went wrong.
const failed = async (problem) => {
  if (problem.code === "mfa_too_old") return confirm(problem.message);
  return refresh([problem.message]);
};

const confirm = async (message) => {
  const session = await site.get("session/");
  show("Confirm it’s you", [message], form({
    fields: [username(session.username), password("password", "Password", "current-password")],
    button: "Continue",
    send: sends("sign-in/"),
  }), back());
};

const refresh = async (messages) => render(await site.get("session/"), messages);
const cancel = () => link("Cancel", () => sends("cancel/")({}));

const rules = (data) => (data.rules?.length ? element("ul", {}, data.rules.map((text) => element("li", {}, text))) : "");

const whichCode = (data) => {
  if (data.method !== "app") return `We sent a code to ${data.destination}.`;
  if (data.unconfirmed) return "We couldn’t confirm your last authenticator app change. Enter the code from the new entry in your app. If it doesn’t work, try the code from the old entry.";
  return data.device_name
    ? `Open the authenticator app on ${data.device_name} and enter the code it shows for this site.`
    : "Open your authenticator app and enter the code it shows for this site.";
};

const whySetup = (data) => {
  if (data.purpose === "replace") return "Keep the old entry in your app until we’ve confirmed the new one here.";
  return data.was_reset ? "Your authenticator app was reset by an administrator. Set up a new one to continue." : "";
};

const steps = {
  sign_in: (data, session) => data.elsewhere ? signedInElsewhere(data, session) : [
    "Sign in",
    form({
      fields: [username(data.username), password("password", "Password", "current-password")],
      button: "Continue",
      send: sends("sign-in/", data.next ? { next: data.next } : {}),
    }),
    element("p", {}, link("Forgot your password?", async () => forgot(data.username))),
  ],
  challenge: (data) => [
    "Enter your code",
    element("p", {}, whichCode(data)),
    form({ fields: [code("Code")], button: "Continue", send: sends("challenge/", { sign_in: data.sign_in }) }),
    element("div", { class: "cognito-mfa-actions" }, data.recovery ? link("Use a recovery code", async () => recover(data)) : "", cancel()),
  ],
  select_challenge: (data) => [
    "Choose how to confirm it’s you",
    data.factors.map((factor) => element("p", {}, button(factor.label, () => sends("challenge/", { factor: factor.name, sign_in: data.sign_in })({})))),
    cancel(),
  ],
  new_password: (data) => [
    "Choose a new password",
    element("p", {}, `You signed in as ${data.username} with a temporary password.`),
    rules(data),
    form({
      fields: [
        password("password", "New password", "new-password"),
        ...data.attributes.map((one) => ({ name: `attributes.${one.name}`, label: one.label, choices: one.choices })),
      ],
      button: "Continue",
      send: sends("new-password/", { sign_in: data.sign_in }, ({ password: chosen, ...rest }) => ({
        password: chosen,
        attributes: Object.fromEntries(Object.entries(rest).map(([name, value]) => [name.replace("attributes.", ""), value])),
      })),
    }),
    cancel(),
  ],
  setup: async (data) => {
    const shown = await site.get("setup/");
    return [
      "Set up an authenticator app",
      whySetup(data) ? element("p", {}, whySetup(data)) : "",
      element("p", {}, "Scan this QR code with your authenticator app:"),
      picture(shown.qr_svg, "QR code for your authenticator app. If you can’t scan it, use the setup key below."),
      element("p", {}, element("a", { href: shown.otpauth_uri }, "Open in the app on this device")),
      element("p", {}, "Setup key: ", element("code", { class: "cognito-mfa-key", dir: "ltr", translate: "no" }, shown.secret.match(/.{1,4}/g).join(" "))),
      form({
        fields: [code("Code from your app"), { name: "friendly_name", label: "Device name", value: data.friendly_name, autocomplete: "off" }],
        button: "Confirm",
        send: sends("setup/", { sign_in: data.sign_in }),
      }),
      cancel(),
    ];
  },
  link: (data) => [
    "Link these accounts?",
    element("p", {}, "You’re signed in on this site, and you just signed in with another account."),
    list([
      ["Account on this site", data.here],
      ["Account you just signed in with", data.email && data.email !== data.account ? `${data.account} (${data.email})` : data.account],
    ]),
    element("p", {}, "If you link them, anyone who can sign in with the second account can use the first one. Link them only if both accounts are yours."),
    actions("", [
      button("Link accounts", () => sends("link/", { answer: "yes", question: data.question })({}), "primary"),
      link("Don’t link accounts", () => sends("link/", { answer: "no", question: data.question })({})),
    ]),
  ],
  reset_password: (data) => [
    "Set a new password",
    element("p", {}, "If the account exists, we sent a code to its email address."),
    rules(data),
    form({
      fields: [...(data.code_kept ? [] : [code("Code from the message")]), password("password", "New password", "new-password")],
      button: "Set password",
      send: sends("reset-password/", { sign_in: data.sign_in }),
    }),
    cancel(),
  ],
  change_password: (data) => [
    "Change your password",
    rules(data),
    form({
      fields: [password("password", "Current password", "current-password"), password("new_password", "New password", "new-password")],
      button: "Change password",
      send: sends("change-password/", { sign_in: data.sign_in }),
    }),
    cancel(),
  ],
  done: account,
};

const TURNED_OFF = "If you turn this off, anyone who knows your password can sign in as you. You can set up an authenticator app again at any time.";

async function account(data, session) {
  const device = await site.get("device/");
  const on = device.status === "enabled";
  const facts = [["Device", device.friendly_name || "–"], ["Added", when(device.set_up_at)], ["Last used", when(device.last_used_at ?? device.set_up_at)]];
  return [
    "Two-step verification",
    element("p", { class: `cognito-mfa-state cognito-mfa-${on ? "good" : "bad"}` }, on
      ? "Your account is protected by an authenticator app."
      : "Your account is protected only by your password."),
    on && device.set_up_at ? list(facts) : "",
    actions("", [
      on ? button("Switch to a new phone", async () => ask("Switch to a new phone", "device/replace/")) : button("Set up", async () => setUp(session)),
      on ? button("Rename", async () => rename(device)) : "",
      on ? button("Recovery codes", () => codes()) : "",
      on && !session.mfa.required ? link("Turn off", async () => ask("Turn off two-step verification", "device/remove/", TURNED_OFF)) : "",
    ]),
    actions("Your account", [
      button("Change password", async () => ask("Change your password", "change-password/")),
      button("Sign out everywhere else", () => elsewhere()),
      button("Activity", () => activity(1)),
    ]),
    element("p", {}, `Signed in as ${session.username}. `, element("a", { href: data.next }, "Continue to the site")),
    link("Sign out", () => sends("sign-out/")({})),
  ];
}

// The user signed in through another package of the site, and has no password to enter here.
const signedInElsewhere = (data, session) => [
  session.mfa.set_up ? "Confirm it’s you" : "Set up an authenticator app",
  element("p", {}, `You’re signed in as ${session.username}.`),
  element("p", {}, session.mfa.set_up
    ? "Sign out, then sign in again. You’ll be asked for a code from your authenticator app."
    : "This site protects your account with two-step verification: a code from an authenticator app on your phone or computer. Setup takes about a minute."),
  session.mfa.set_up ? "" : button("Start setup", () => sends("setup/start/", data.next ? { next: data.next } : {})({}), "primary"),
  link("Sign out", () => sends("sign-out/")({})),
];

const list = (facts) => element("dl", {}, facts.flatMap(([term, text]) => [element("dt", {}, term), element("dd", { dir: "auto" }, text)]));

const actions = (title, buttons) => [
  title ? element("h2", {}, title) : "",
  element("div", { class: "cognito-mfa-actions" }, buttons),
];

const back = () => element("p", {}, link("Back", () => refresh()));

const forgot = (known) => show("Reset your password", [],
  element("p", {}, "We’ll send a code to the email address of your account."),
  form({ fields: [username(known)], button: "Send code", send: sends("forgot-password/") }), back());

const recover = (data) => show("Use a recovery code", [],
  element("p", {}, "Each recovery code works once. It removes the authenticator app of your lost device, so that you can set up a new one."),
  form({ fields: [{ name: "code", label: "Recovery code", autocomplete: "off", dir: "ltr" }], button: "Continue", send: sends("recover/", { sign_in: data.sign_in }) }), back());

const ask = (title, path, danger = "") => show(title, [],
  danger ? element("p", {}, danger) : "",
  element("p", {}, "Enter your password to confirm it’s you."),
  form({ fields: [password("password", "Password", "current-password")], button: "Continue", send: sends(path), danger: Boolean(danger) }), back());

const setUp = (session) => show("Set up an authenticator app", [],
  form({
    fields: [username(session.username), password("password", "Password", "current-password")],
    button: "Continue",
    send: sends("sign-in/", { setup: true }),
  }), back());

const rename = (device) => show("Rename your device", [],
  form({
    fields: [{ name: "friendly_name", label: "Device name", value: device.friendly_name, autocomplete: "off" }],
    button: "Save",
    send: shows((values) => site.patch("device/", values)),
  }), back());

const elsewhere = async () => {
  try {
    render(await site.post("sign-out-elsewhere/"));
  } catch (problem) {
    if (problem.code !== "invalid") throw problem;
    ask("Sign out everywhere else", "sign-out-elsewhere/");
  }
};

const codes = async (found) => {
  const { left, codes: shown } = found ?? (await site.get("recovery-codes/"));
  const create = form({ button: left ? "Create new codes" : "Create codes", send: async () => codes(await site.post("recovery-codes/")) });
  show("Recovery codes", [],
    element("p", {}, left ? `Codes left: ${left}` : "You don’t have any recovery codes."),
    ...(shown.length
      ? [
          element("p", {}, "Print them or keep them in a password manager. They won’t be shown again."),
          element("ol", { class: "cognito-mfa-codes" }, shown.map((one) => element("li", {}, element("code", {}, one)))),
          button("I’ve saved these codes", () => sends("recovery-codes/saved/")({}), "primary"),
        ]
      : [create, back()]));
};

const activity = async (number) => {
  const page = await site.get(`activity/?page=${number}`);
  const events = page.events.map((event) =>
    element("li", {}, event.detail ? `${event.text}: ${event.detail}` : event.text, element("time", { datetime: event.at }, when(event.at))));
  show("Activity", [], element("ul", { class: "cognito-mfa-events" }, events),
    page.page < page.pages ? button("Older", () => activity(number + 1)) : "", back());
};

async function render(session, messages = []) {
  const data = session.step_data;
  const [title, ...content] = await steps[session.step](data, session);
  // Why a session ended may have been said already, by the answer that brought the user here.
  const said = new Set([...messages, ...(data.messages ?? []), ...(data.ended ? [data.ended.detail] : [])]);
  show(title, [...said], ...content);
}

refresh().catch((problem) => show("This isn’t available right now", [problem.message], back()));
