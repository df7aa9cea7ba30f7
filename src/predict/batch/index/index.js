"use strict";
(() => {
  const element = (id) => document.getElementById(id);
  const pairs = [...element("pairs").children];
  const failed = [...document.querySelectorAll("#failed li")];

  const rank = (item) => Number(item.dataset.rank);
  const letters = new Intl.Collator(undefined, { numeric: true });
  const ORDERS = {
    best: (a, b) => rank(a) - rank(b),
    worst: (a, b) => rank(b) - rank(a),
    name: (a, b) => letters.compare(a.dataset.name, b.dataset.name),
  };

  const show = () => {
    const wanted = element("find").value.trim().toLowerCase();
    const fits = (item) => item.dataset.name.toLowerCase().includes(wanted);
    for (const item of [...pairs, ...failed]) item.hidden = !fits(item);
    const shown = pairs.filter(fits).length;
    element("none").hidden = shown > 0 || !wanted;
    element("count").textContent = wanted ? `${shown} of ${pairs.length} shown` : "";
  };
  const sort = () => element("pairs").append(...pairs.sort(ORDERS[element("order").value]));

  element("find").addEventListener("input", show);
  element("order").addEventListener("change", sort);
  element("tools").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.matches("input, select")) return;
    event.preventDefault();
    element("find").focus();
  });
  element("tools").hidden = false;
  // A browser that comes back to the page may have kept what was typed and chosen.
  window.addEventListener("pageshow", () => {
    sort();
    show();
    document.documentElement.dataset.ready = "";
  });
})();
