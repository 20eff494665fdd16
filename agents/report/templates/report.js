"use strict";
// Reading aids only: without this script the page shows its tables, curves and dialogues all the same. Whatever is drawn
// anew while a run goes on keeps working, because nothing here holds on to an element.
(() => {
  const root = document.documentElement;
  const all = (selector) => [...document.querySelectorAll(selector)];

  document.getElementById("theme").addEventListener("click", () => {
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    root.dataset.theme = (root.dataset.theme || system) === "dark" ? "light" : "dark";
  });

  // ---- curves: the values under the pointer

  const read = (figure, index) => {
    const data = JSON.parse(figure.querySelector("script").textContent);
    const series = Object.values(data.series);
    const cursor = figure.querySelector(".cursor");
    [...figure.querySelector(".readout").children].forEach((cell, i) => {
      const text = cell.lastChild;
      cell.dataset.rest ??= text.nodeValue;
      const value = index === null ? cell.dataset.rest : series[i][index] || "–";
      text.nodeValue = index === null || i > 0 ? value : `${value}  at ${data.x[index]}`;
    });
    cursor.toggleAttribute("hidden", index === null);
    if (index !== null) {
      cursor.setAttribute("x1", data.px[index]);
      cursor.setAttribute("x2", data.px[index]);
    }
    return data;
  };
  document.addEventListener("pointermove", (event) => {
    const svg = event.target.closest && event.target.closest(".chart svg");
    for (const figure of all(".chart.read")) {
      if (!svg || !figure.contains(svg)) {
        figure.classList.remove("read");
        read(figure, null);
      }
    }
    if (!svg) return;
    const figure = svg.closest(".chart");
    const frame = svg.getBoundingClientRect();
    const x = ((event.clientX - frame.left) / frame.width) * svg.viewBox.baseVal.width;
    const { px } = JSON.parse(figure.querySelector("script").textContent);
    let best = 0;
    px.forEach((at, i) => { if (Math.abs(at - x) < Math.abs(px[best] - x)) best = i; });
    figure.classList.add("read");
    read(figure, best);
  });

  // ---- dialogues before and after: verdict and text

  const apply = () => {
    const search = document.getElementById("search");
    if (!search) return;
    const pressed = all("[data-filter]").find((button) => button.getAttribute("aria-pressed") === "true");
    const wanted = pressed ? pressed.dataset.filter : "all";
    const text = search.value.trim().toLowerCase();
    let left = 0;
    for (const pair of all(".pair[data-verdict]")) {
      const fits = (wanted === "all" || pair.dataset.verdict === wanted) && pair.textContent.toLowerCase().includes(text);
      pair.hidden = !fits;
      left += fits;
    }
    document.getElementById("none-left").hidden = left > 0;
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-filter]");
    if (!button) return;
    for (const other of all("[data-filter]")) other.setAttribute("aria-pressed", String(other === button));
    apply();
  });
  document.addEventListener("input", (event) => { if (event.target.id === "search") apply(); });
})();
