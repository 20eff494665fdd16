"use strict";
// While a run goes on: ask whether it has changed, and put what has into the page. What was chosen and unfolded stays.
(() => {
  const EVERY_MS = 2000;
  const sign = document.getElementById("live");
  const parts = (from) => new Map([...from.querySelectorAll("main > section, #facts")].map((part) => [part.id, part]));
  const shown = new Map([...parts(document)].map(([id, part]) => [id, part.outerHTML]));
  let version = document.documentElement.dataset.version;

  const unfolded = (part) => [...part.querySelectorAll("details")].map((one) => one.open);
  const renew = (id, fresh) => {
    const old = document.getElementById(id);
    if (id === "samples") {
      document.getElementById("samples-data").textContent = fresh.querySelector("#samples-data").textContent;
      document.dispatchEvent(new Event("newer-samples"));
      return;
    }
    const open = unfolded(old);
    const part = document.importNode(fresh, true);
    part.querySelectorAll("details").forEach((one, i) => { one.open = open[i] ?? one.open; });
    old.replaceWith(part);
  };

  const update = async () => {
    const answer = await fetch(location.pathname);
    if (!answer.ok) throw new Error(answer.status);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = parts(page);
    if ([...fresh.keys()].join() !== [...shown.keys()].join()) return location.reload();
    for (const [id, part] of fresh) {
      const text = part.outerHTML;
      if (text !== shown.get(id)) renew(id, part);
      shown.set(id, text);
    }
    version = page.documentElement.dataset.version;
  };

  const ask = async () => {
    try {
      const answer = await fetch(`${location.pathname}?version`);
      if (!answer.ok) throw new Error(answer.status);
      if ((await answer.json()).version !== version) await update();
      sign.textContent = "live";
      sign.classList.remove("lost");
    } catch {
      sign.textContent = "the viewer does not answer";
      sign.classList.add("lost");
    }
    setTimeout(ask, EVERY_MS);
  };
  ask();
})();
