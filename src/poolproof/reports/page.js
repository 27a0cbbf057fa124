"use strict";
(() => {
  const findings = [...document.querySelectorAll(".finding")];
  const buttons = [...document.querySelectorAll("[data-kind][aria-pressed]")];
  const search = document.getElementById("search");
  const counted = document.getElementById("counted");
  if (search === null) return;
  const texts = findings.map((finding) => finding.textContent.toLowerCase());

  const show = () => {
    const kinds = new Set(buttons.filter((one) => one.ariaPressed === "true").map((one) => one.dataset.kind));
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    findings.forEach((finding, number) => {
      const wanted = kinds.size === 0 || kinds.has(finding.dataset.kind);
      finding.hidden = !(wanted && words.every((word) => texts[number].includes(word)));
      shown += finding.hidden ? 0 : 1;
    });
    counted.textContent = shown === findings.length ? "" : `${shown} of ${findings.length} shown`;
  };

  const unfold = () => {
    const finding = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (finding === null || !finding.classList.contains("finding")) return;
    if (finding.hidden) {
      buttons.forEach((one) => { one.ariaPressed = "false"; });
      search.value = "";
      show();
    }
    finding.querySelectorAll("details.trace").forEach((part) => { part.open = true; });
    finding.scrollIntoView();
  };

  buttons.forEach((button) => {
    button.addEventListener("click", () => {
      button.ariaPressed = button.ariaPressed === "true" ? "false" : "true";
      show();
    });
  });
  search.addEventListener("input", show);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      search.value = "";
      show();
    }
  });
  window.addEventListener("hashchange", unfold);

  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    folded.forEach((part) => { part.open = true; });
  });
  window.addEventListener("afterprint", () => {
    folded.forEach((part) => { part.open = false; });
  });

  document.querySelector(".filters").hidden = false;
  unfold();
})();
