// Elements without a framework. Nothing is ever written as HTML, so that no text can become markup.

export const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child !== undefined && child !== ""));
  return made;
};

// The QR code comes as SVG from the same API as the secret in it.
export const picture = (svg, label) => {
  const parsed = new DOMParser().parseFromString(svg, "text/html").body.firstElementChild;
  return element("div", { class: "cognito-mfa-plate", role: "img", "aria-label": label }, document.importNode(parsed, true));
};

const input = ({ name, choices, label, ...attributes }) =>
  choices?.length
    ? element("select", { id: name, name, ...attributes }, choices.map((choice) => element("option", { value: choice }, choice)))
    : element("input", { id: name, name, ...attributes });

export const field = (given) =>
  element("div", { class: "cognito-mfa-field" }, element("label", { for: given.name }, given.label), input(given));

let answering = false;

// One thing at a time: a click while another is being answered does nothing, or two answers would race for the page.
const busy = async (button, act) => {
  if (answering) return;
  answering = true;
  button.classList.add("cognito-mfa-waiting");
  try {
    await act();
  } finally {
    answering = false;
    button.classList.remove("cognito-mfa-waiting");
  }
};

export const button = (text, act, kind) => {
  const made = element("button", { type: "button", class: kind && `cognito-mfa-${kind}` }, text);
  made.addEventListener("click", () => busy(made, act));
  return made;
};

// A form with its errors where they belong: at the fields, and above the form for all others.
export const form = ({ fields = [], button, send, danger }) => {
  const submit = element("button", { type: "submit", class: danger ? "cognito-mfa-danger" : "cognito-mfa-primary" }, button);
  const made = element("form", { novalidate: true }, fields.map((one) => (one instanceof Node ? one : field(one))), submit);
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    const values = Object.fromEntries(new FormData(made));
    busy(submit, async () => {
      try {
        await send(values);
      } catch (problem) {
        show(made, problem);
      }
    });
  });
  return made;
};

const show = (made, problem) => {
  made.querySelectorAll(".cognito-mfa-errors, .cognito-mfa-field-error").forEach((old) => old.remove());
  made.querySelectorAll("[aria-invalid]").forEach((old) => old.removeAttribute("aria-invalid"));
  let focus;
  for (const [name, texts] of Object.entries(problem.fields ?? {})) {
    const input = made.elements.namedItem(name);
    if (!(input instanceof HTMLElement)) continue;
    const id = `${input.id}_error`;
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", id);
    input.after(element("p", { class: "cognito-mfa-field-error", id }, texts.join(" ")));
    focus ??= input;
  }
  if (!focus) {
    focus = element("div", { class: "cognito-mfa-errors", role: "alert", tabindex: "-1" }, element("p", {}, problem.message));
    made.prepend(focus);
  }
  made.querySelectorAll("input[name=code], input[type=password]").forEach((secret) => (secret.value = ""));
  focus.focus();
};
