"use strict";
// Keeps the codes on the start page current. Without this file, reloading the page does the same.

document.addEventListener("DOMContentLoaded", () => {
  const table = document.querySelector("[data-example-codes]");
  if (!table) return;

  const element = (name, text) => Object.assign(document.createElement(name), { textContent: text });

  const show = (cell, codes) => {
    const shown = cell.querySelectorAll(".example-code");
    if (shown.length !== codes.length) {
      cell.replaceChildren(
        ...codes.map(({ code, note }) => {
          const line = element("span", "");
          line.className = "example-code";
          line.append(element("code", code), " ", element("small", note));
          return line;
        }),
        ...(codes.length ? [] : [element("small", "No app yet")]),
      );
      return;
    }
    // Only what changed, so that a code that someone is selecting stays selected.
    codes.forEach(({ code, note }, index) => {
      const [digits, left] = shown[index].querySelectorAll("code, small");
      if (digits.textContent !== code) digits.textContent = code;
      if (left.textContent !== note) left.textContent = note;
    });
  };

  const refresh = async () => {
    if (document.hidden) return;
    try {
      const response = await fetch(table.dataset.exampleCodes);
      const codes = await response.json();
      for (const cell of table.querySelectorAll("[data-example-user]")) {
        show(cell, codes[cell.dataset.exampleUser] ?? []);
      }
    } catch {
      clearInterval(timer); // The site was stopped, or the page is being left.
    }
  };
  const timer = setInterval(refresh, 1000);
});
