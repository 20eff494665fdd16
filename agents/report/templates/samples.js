"use strict";
// The token view. Texts reach the page as text nodes only, so nothing in them can become markup.
(() => {
  const PAGE = 4; // groups drawn at once
  const byId = (id) => document.getElementById(id);
  if (!byId("samples")) return;

  const make = (tag, className, ...children) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    node.append(...children.filter((child) => child !== null));
    return node;
  };
  const show = (value, digits = 3) =>
    value === null || value === undefined ? "–" : String(Number(value.toPrecision(digits)));
  const signed = (value) => (value > 0 ? "+" : "") + show(value);

  let data;
  let quantity = null;
  let drawn = PAGE;

  // ---- what is chosen

  const tests = {
    outcome: (e, wanted) => (wanted === "success") === (e.success === 1) && e.success !== null,
    stop: (e, wanted) => e.stop === wanted,
    trouble: (e, wanted) => troubles(e).includes(wanted),
    sign: (e, wanted) => (wanted === "any" ? signsOf(e).length > 0 : signsOf(e).includes(wanted)),
  };
  const troubles = (e) => [...new Set(e.turns.flatMap((t) => [
    ...(t.invalid_action ? ["malformed action"] : []),
    ...(t.reward === null ? ["no reward"] : []),
    ...(t.finish_reason === "length" ? ["cut by the token limit"] : []),
  ]))];
  const signsOf = (e) => [...new Set(e.turns.flatMap((t) => t.signs))];

  const fill = (name, values, extra = []) => {
    const select = document.querySelector(`[data-filter-by="${name}"]`);
    const before = select.value;
    const options = ["", ...extra, ...[...new Set(values)].sort()];
    select.replaceChildren(...options.map((value) => new Option(value || "any", value)));
    if (name === "sign") select.options[0].text = "with or without";
    select.value = options.includes(before) ? before : "";
  };

  const matches = (e) => {
    for (const select of document.querySelectorAll("[data-filter-by]")) {
      if (select.value && !tests[select.dataset.filterBy](e, select.value)) return false;
    }
    const [least, most] = [byId("least").value, byId("most").value];
    if (least !== "" && !(e.return >= Number(least) && e.return !== null)) return false;
    if (most !== "" && !(e.return <= Number(most) && e.return !== null)) return false;
    const words = byId("sample-search").value.trim().toLowerCase();
    return !words || [e.task_id, ...e.messages.map((m) => m.content)].join("\n").toLowerCase().includes(words);
  };

  const groupsOf = (line) => {
    const groups = new Map();
    for (const e of line.episodes) {
      if (!groups.has(e.group)) groups.set(e.group, { update: line.update, members: [] });
      groups.get(e.group).members.push(e);
    }
    return [...groups.values()];
  };

  // ---- drawing

  const paint = (token, value) => {
    const known = value !== null && value !== undefined;
    const far = known ? (quantity.kind === "ratio" ? Math.log(value) : value) / quantity.span : 0;
    const level = Math.min(Math.abs(far), 1);
    token.classList.toggle("below", far < 0 && quantity.kind !== "sequential");
    token.style.setProperty("--level", `${Math.round(level * 100)}%`);
  };

  const drawTokens = (turn, where) => {
    const text = make("p", "tokens");
    text.dir = "auto";
    turn.tokens.forEach((piece, i) => {
      const token = make("span", piece ? "token" : "token part", piece || "·");
      token.dataset.at = `${where}.${i}`;
      paint(token, quantity && (turn.numbers[quantity.name] || [])[i]);
      text.append(token);
    });
    if (turn.left_out) text.append(make("span", "left-out", ` … ${turn.left_out} more tokens`));
    return text;
  };

  const drawReward = (turn) => {
    const parts = Object.entries(turn.parts);
    const widest = Math.max(1, ...parts.map(([, value]) => Math.abs(value || 0)));
    const rows = parts.map(([name, value]) => {
      const bar = make("i", value < 0 ? "bar below" : "bar");
      bar.style.setProperty("--width", `${(Math.abs(value || 0) / widest) * 100}%`);
      return make("div", "why-part", make("span", "", name.replaceAll("_", " ")), make("span", "track", bar), make("b", "", show(value)));
    });
    const head = make("p", "why-head", make("span", "reward", `reward ${show(turn.reward)}`),
      ...turn.signs.map((sign) => make("span", "badge", `sign: ${sign.replaceAll("_", " ")}`)),
      ...(turn.invalid_action ? [make("span", "badge worse", "malformed")] : []),
      ...(turn.finish_reason === "length" ? [make("span", "badge", "cut")] : []));
    return make("div", "why", head, ...rows);
  };

  const drawMessage = (message) => {
    const text = make("p", "", message.content);
    text.dir = "auto";
    return make("div", "bubble world", make("span", "role", message.role), text);
  };

  const placesOf = (e) => {
    const spoken = e.messages.flatMap((m, i) => (m.role === "assistant" ? [i] : []));
    return e.turns.length ? spoken.slice(-e.turns.length) : [];
  };

  const drawEpisode = (e, where, fits) => {
    const side = make("div", fits ? "side" : "side pale");
    const outcome = e.success === null ? e.stop || "–" : e.success ? "✓ success" : `✗ ${e.stop || "failure"}`;
    side.append(make("p", "side-head", make("span", `outcome ${e.success ? "yes" : "no"}`, outcome),
      make("span", "range", `return ${show(e.return)}`)));
    const places = placesOf(e);
    e.messages.slice(places[0] ?? 0).forEach((message, i) => {
      const turn = places.indexOf(i + (places[0] ?? 0));
      if (turn < 0) side.append(drawMessage(message));
      else {
        const record = e.turns[turn];
        side.append(make("div", "bubble action", make("span", "role", message.role),
          drawTokens(record, `${where}.${turn}`), drawReward(record)));
      }
    });
    return side;
  };

  const drawGroup = (group) => {
    const first = group.members[0];
    const opening = first.messages.slice(0, placesOf(first)[0] ?? 0);
    const known = group.members.map((e) => e.return).filter((value) => value !== null);
    const mean = known.length ? known.reduce((a, b) => a + b, 0) / known.length : null;
    const title = make("h3", "", make("span", "badge", `update ${group.update}`), ` ${first.task_id}`);
    if (group.members.length > 1) title.append(` · ${group.members.length} members, mean return ${show(mean)}`);
    const task = make("div", "opening", ...opening.map(drawMessage));
    const at = data.updates.findIndex((line) => line.update === group.update);
    const members = make("div", "members");
    for (const e of group.members) {
      members.append(drawEpisode(e, `${at}.${data.updates[at].episodes.indexOf(e)}`, group.fitting.has(e)));
    }
    return make("article", "pair group", title, task, members);
  };

  const draw = () => {
    const every = byId("every-update").checked;
    const line = data.updates[Number(byId("update").value)];
    byId("update-name").textContent = every ? "all updates" : `update ${line.update}`;
    const groups = (every ? data.updates : [line]).flatMap(groupsOf);
    for (const group of groups) group.fitting = new Set(group.members.filter(matches));
    const fitting = groups.filter((group) => group.fitting.size);
    const count = (list) => list.reduce((sum, group) => sum + group.fitting.size, 0);
    const total = groups.reduce((sum, group) => sum + group.members.length, 0);
    byId("sample-count").textContent = fitting.length
      ? `${count(fitting)} of ${total} episodes.` : `None of ${total} episodes matches.`;
    byId("sample-list").replaceChildren(...fitting.slice(0, drawn).map(drawGroup));
    byId("more-samples").hidden = fitting.length <= drawn;
  };

  const drawScale = () => {
    const { span, kind, about } = quantity;
    const scale = document.querySelector("#samples .scale");
    scale.dataset.kind = kind;
    const ends = kind === "diverging" ? [-span, span] : kind === "ratio" ? [Math.exp(-span), Math.exp(span)]
      : quantity.name === "logprob" ? [0, -span] : [0, span];
    scale.querySelector(".end-low").textContent = show(ends[0]);
    scale.querySelector(".end-high").textContent = show(ends[1]);
    scale.querySelector(".about").textContent = about;
  };

  const choose = (name) => {
    quantity = data.quantities.find((one) => one.name === name) || data.quantities[0] || null;
    for (const button of document.querySelectorAll("#samples .quantities button")) {
      button.setAttribute("aria-pressed", String(quantity !== null && button.dataset.quantity === quantity.name));
    }
    if (quantity) drawScale();
    draw();
  };

  // ---- the card of the token under the pointer

  const card = byId("token-card");
  const point = (token) => {
    const [line, episode, turn, i] = token.dataset.at.split(".").map(Number);
    const record = data.updates[line].episodes[episode].turns[turn];
    const rows = data.quantities.map((one) => {
      const value = (record.numbers[one.name] || [])[i];
      const text = one.name === "trained" ? (value ? "trained" : "not trained")
        : one.kind === "diverging" && typeof value === "number" ? signed(value) : show(value);
      return make("tr", one === quantity ? "chosen" : "", make("th", "", one.label), make("td", "", text));
    });
    const piece = record.tokens[i] ? JSON.stringify(record.tokens[i]) : "part of a character";
    card.replaceChildren(make("code", "", piece), make("table", "", ...rows));
    card.hidden = false;
    const [box, own] = [token.getBoundingClientRect(), card.getBoundingClientRect()];
    const left = Math.max(8, Math.min(box.left, innerWidth - own.width - 8));
    const below = box.bottom + 8 + own.height < innerHeight;
    card.style.left = `${left}px`;
    card.style.top = `${below ? box.bottom + 8 : Math.max(8, box.top - own.height - 8)}px`;
  };
  byId("sample-list").addEventListener("pointerover", (event) => {
    const token = event.target.closest(".token");
    if (token) point(token);
    else card.hidden = true;
  });
  byId("sample-list").addEventListener("pointerleave", () => { card.hidden = true; });
  addEventListener("scroll", () => { card.hidden = true; }, { passive: true });

  // ---- starting, and starting again with newer data

  const load = () => {
    const atEnd = !data || Number(byId("update").value) === data.updates.length - 1;
    data = JSON.parse(byId("samples-data").textContent);
    const slider = byId("update");
    slider.max = String(data.updates.length - 1);
    if (atEnd) slider.value = slider.max;
    const episodes = data.updates.flatMap((line) => line.episodes);
    fill("outcome", ["success", "no success"]);
    fill("stop", episodes.map((e) => e.stop).filter(Boolean));
    fill("trouble", episodes.flatMap(troubles));
    fill("sign", episodes.flatMap(signsOf), ["any"]);
    document.querySelector("#samples .quantities").replaceChildren(...data.quantities.map((one) => {
      const button = make("button", "", one.label);
      button.type = "button";
      button.dataset.quantity = one.name;
      return button;
    }));
    choose(quantity && quantity.name);
  };

  const again = () => { drawn = PAGE; draw(); };
  const step = (by) => {
    byId("every-update").checked = false;
    byId("update").value = String(Number(byId("update").value) + by);
    again();
  };
  byId("update").addEventListener("input", () => { byId("every-update").checked = false; again(); });
  byId("earlier").addEventListener("click", () => step(-1));
  byId("later").addEventListener("click", () => step(1));
  byId("every-update").addEventListener("change", again);
  document.querySelector("#samples .filters").addEventListener("input", again);
  document.querySelector("#samples .quantities").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) choose(button.dataset.quantity);
  });
  byId("more-samples").addEventListener("click", () => { drawn += PAGE; draw(); });
  document.addEventListener("newer-samples", load);
  load();
})();
