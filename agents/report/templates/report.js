"use strict";
// Reading aids only: without this script the page shows everything.
(() => {
  const root = document.documentElement;
  document.getElementById("theme").addEventListener("click", () => {
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    root.dataset.theme = (root.dataset.theme || system) === "dark" ? "light" : "dark";
  });

  for (const figure of document.querySelectorAll(".chart")) {
    const svg = figure.querySelector("svg");
    const cursor = figure.querySelector(".cursor");
    const readout = figure.querySelector(".readout");
    const cells = [...readout.children];
    const rest = cells.map((cell) => cell.lastChild.nodeValue);
    const data = JSON.parse(figure.querySelector("script").textContent);
    const series = Object.values(data.series);
    const show = (index) => {
      cells.forEach((cell, i) => {
        const value = index === null ? rest[i] : series[i][index] || "–";
        cell.lastChild.nodeValue = index === null || i > 0 ? value : `${value}  at ${data.x[index]}`;
      });
      cursor.toggleAttribute("hidden", index === null);
      if (index !== null) {
        cursor.setAttribute("x1", data.px[index]);
        cursor.setAttribute("x2", data.px[index]);
      }
    };
    svg.addEventListener("pointermove", (event) => {
      const frame = svg.getBoundingClientRect();
      const x = ((event.clientX - frame.left) / frame.width) * svg.viewBox.baseVal.width;
      let best = 0;
      data.px.forEach((px, i) => { if (Math.abs(px - x) < Math.abs(data.px[best] - x)) best = i; });
      show(best);
    });
    svg.addEventListener("pointerleave", () => show(null));
  }

  const pairs = [...document.querySelectorAll(".pair[data-verdict]")];
  const buttons = [...document.querySelectorAll("[data-filter]")];
  const search = document.getElementById("search");
  const apply = () => {
    const wanted = (buttons.find((b) => b.getAttribute("aria-pressed") === "true") || {}).dataset?.filter || "all";
    const text = search.value.trim().toLowerCase();
    let left = 0;
    for (const pair of pairs) {
      const fits = (wanted === "all" || pair.dataset.verdict === wanted) && pair.textContent.toLowerCase().includes(text);
      pair.hidden = !fits;
      left += fits;
    }
    document.getElementById("none-left").hidden = left > 0;
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      apply();
    });
  }
  if (search) search.addEventListener("input", apply);
})();
