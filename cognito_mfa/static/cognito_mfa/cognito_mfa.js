"use strict";
// Comfort only: every page works without this file.

document.addEventListener("DOMContentLoaded", () => {
  // The message about the form, or the field that the message is about.
  const wrong = document.querySelector("[data-cognito-mfa-focus], [aria-invalid=true]");

  // After an error the page comes again: what the user had opened stays open, and nothing else does.
  for (const details of document.querySelectorAll("[data-cognito-mfa-keep]")) {
    const name = `cognito-mfa-${details.dataset.cognitoMfaKeep}`;
    if (wrong && sessionStorage.getItem(name)) details.open = true;
    else sessionStorage.removeItem(name);
    details.addEventListener("toggle", () => {
      if (details.open) sessionStorage.setItem(name, "open");
      else sessionStorage.removeItem(name);
    });
  }

  // Where the browser has not focused it already. What was opened above has moved it down.
  wrong?.focus();
  wrong?.scrollIntoView({ block: "center" });

  // A second click must not send a code twice. Coming back by the back button opens the form again.
  for (const form of document.querySelectorAll("form[data-cognito-mfa-busy]")) {
    const button = form.querySelector("button[type=submit]");
    form.addEventListener("submit", (event) => {
      if (form.getAttribute("aria-busy") === "true") {
        event.preventDefault();
        return;
      }
      form.setAttribute("aria-busy", "true");
      button?.classList.add("cognito-mfa-waiting");
    });
    window.addEventListener("pageshow", () => {
      form.removeAttribute("aria-busy");
      button?.classList.remove("cognito-mfa-waiting");
    });
  }

  // What the server wrote in its own time zone, in that of the visitor. The text before stays as a hint.
  for (const time of document.querySelectorAll("time[data-cognito-mfa-time]")) {
    try {
      const isClock = time.dataset.cognitoMfaTime === "clock";
      const format = { timeStyle: "short", ...(isClock ? {} : { dateStyle: "medium" }) };
      const language = document.documentElement.lang || undefined;
      const text = new Intl.DateTimeFormat(language, format).format(new Date(time.dateTime));
      time.title = time.textContent;
      time.textContent = text;
    } catch {
      // A language that the browser does not know, or no time: the server's text names its zone.
    }
  }

  for (const button of document.querySelectorAll("[data-cognito-mfa-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => print());
  }

  // What is shown as dots is easily mistyped. Sent as text, the browser would offer it in other fields later.
  for (const button of document.querySelectorAll("[data-cognito-mfa-show]")) {
    const field = document.getElementById(button.getAttribute("aria-controls"));
    if (!field) continue;
    const show = (shown) => {
      field.type = shown ? "text" : "password";
      button.textContent = shown ? button.dataset.cognitoMfaHide : button.dataset.cognitoMfaShow;
    };
    button.hidden = false;
    button.addEventListener("click", () => show(field.type === "password"));
    field.form?.addEventListener("submit", () => show(false));
    window.addEventListener("pageshow", () => show(false));
  }

  for (const button of document.querySelectorAll("[data-cognito-mfa-copy]")) {
    const status = button.parentElement.querySelector("[role=status]");
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(button.dataset.cognitoMfaCopy);
        status.textContent = button.dataset.copied;
      } catch {
        status.textContent = button.dataset.failed;
        const key = document.getElementById("cognito-mfa-key");
        getSelection().selectAllChildren(key);
      }
    });
  }
});
