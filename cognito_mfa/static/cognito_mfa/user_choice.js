"use strict";
// Names the field that completes usernames for screen readers: Select2 gives it a role, and not the name of its label.

(() => {
  const $ = django.jQuery;

  const nameAfterLabel = (select) => {
    const label = document.querySelector(`label[for="${select.id}"]`);
    const box = select.parentElement.querySelector(".select2-selection");
    const chosen = box?.querySelector(".select2-selection__rendered");
    if (!label || !chosen) {
      return;
    }
    label.id ||= `${select.id}_label`;
    chosen.setAttribute("aria-labelledby", label.id);
    box.setAttribute("aria-labelledby", `${label.id} ${chosen.id}`);
    $(select).on("select2:open", () => {
      const search = document.querySelector(".select2-container--open .select2-search__field");
      search.setAttribute("aria-labelledby", label.id);
      search.focus(); // which Select2 forgets with the jQuery of today
    });
  };

  // Django's own script was loaded before, and waits in the same way.
  $(() => document.querySelectorAll("select.admin-autocomplete").forEach(nameAfterLabel));
})();
