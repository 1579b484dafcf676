"use strict";
// Hides the banner for the rest of the browser's session. Without this file there is no button, and the banner stays.

(() => {
  const banner = document.querySelector("[data-cognito-mfa-banner]");
  const name = "cognito-mfa-banner";
  const until = banner.dataset.cognitoMfaBanner; // another deadline is another message
  if (sessionStorage.getItem(name) === until) {
    banner.hidden = true;
    return;
  }
  const button = banner.querySelector("button");
  button.hidden = false;
  button.addEventListener("click", () => {
    sessionStorage.setItem(name, until);
    banner.hidden = true;
  });
})();
