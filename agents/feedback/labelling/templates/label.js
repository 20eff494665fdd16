"use strict";
const { ask, parts, words } = JSON.parse(document.body.dataset.setup);
const page = document.getElementById("page");
const MARKS = [0, 0.25, 0.5, 0.75, 1];
const state = { annotator: "", skipped: [], task: null };

function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null)); // strings become text, never markup
  return node;
}

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

async function request(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    throw new Error(`${error.message} ${words.retry}`);
  }
  const body = await answer.json();
  if (!answer.ok) throw new Error(answer.status === 503 ? `${body.detail} ${words.retry}` : body.detail);
  return body;
}

function welcome() {
  const name = el("input", { id: "name", value: localStorage.getItem("annotator") ?? "", autocomplete: "off", maxlength: 32, pattern: "[\\p{L}\\p{N}_.@+\\-]{1,32}", required: true });
  const start = (event) => {
    event.preventDefault();
    state.annotator = name.value.trim();
    localStorage.setItem("annotator", state.annotator);
    advance();
  };
  page.replaceChildren(
    el("form", { class: "welcome", onsubmit: start },
      el("p", {}, words.lead),
      el("label", { for: "name" }, words.name),
      el("div", { class: "row" }, name, el("button", { class: "primary", id: "start" }, words.start)),
      el("p", { class: "hint" }, words.name_hint)));
  name.focus();
}

async function advance() {
  const query = new URLSearchParams({ annotator: state.annotator });
  for (const id of state.skipped) query.append("skip", id);
  try {
    const { task, progress } = await request(`v1/task?${query}`);
    Object.assign(state, { task, progress, best: null, alike: false, order: [], scores: {}, corrections: {}, failure: "" });
    if (task) draw();
    else await finish();
  } catch (error) {
    page.replaceChildren(problem(error.message), el("p", { class: "done" }, el("button", { onclick: welcome }, words.again)));
  }
}

async function finish() {
  const { agreement } = await request("v1/agreement");
  const rows = agreement.filter((row) => row.alpha.estimate !== null).map((row) => el("tr", {},
    el("th", { scope: "row" }, partName(row.name)),
    el("td", {}, row.alpha.estimate.toFixed(2), " ", el("span", { class: "range" }, `[${row.alpha.low?.toFixed(2)}, ${row.alpha.high?.toFixed(2)}]`)),
    el("td", {}, `n = ${row.units}`)));
  const table = el("div", { class: "scroll" }, el("h3", {}, words.agreement), el("table", {}, el("tbody", {}, ...rows)), el("p", { class: "hint" }, words.agreement_hint));
  page.replaceChildren(track(), el("section", { class: "done" },
    el("h2", {}, words.done), el("p", { class: "note" }, words.done_hint),
    el("button", { id: "again", onclick: again }, words.again), rows.length ? table : null));
}

function again() {
  state.skipped = [];
  advance();
}

function partName(name) {
  return name === "" ? words.whole : name === "preference" ? words.preference : name;
}

function track() {
  const { tasks, finished } = state.progress;
  const bar = el("span", {});
  bar.style.width = `${tasks ? (100 * finished) / tasks : 0}%`;
  return el("div", {}, el("div", { class: "track" }, bar), el("p", { class: "hint", id: "progress" }, fill(words.progress, state.progress)));
}

function draw() {
  const { task } = state;
  page.replaceChildren(track(), el("div", { class: "desk" },
    el("section", { class: "talk" }, el("h2", {}, words.conversation), ...task.conversation.map(bubble), tools(task.tools)),
    el("section", {}, el("h2", {}, words.answers),
      el("div", { class: "answers" }, ...task.answers.map(card)), actions(), state.failure ? problem(state.failure) : null,
      ask.includes("choose") || ask.includes("rank") ? el("p", { class: "hint" }, words.keys) : null)));
}

function bubble(message) {
  return el("div", { class: `bubble ${message.role}` }, el("span", { class: "role" }, words[message.role]), el("p", {}, message.text));
}

function tools(schemas) {
  if (!schemas.length) return null;
  return el("details", { class: "tools" }, el("summary", {}, words.tools), ...schemas.map((schema) => el("pre", {}, schema)));
}

function card(answer, index) {
  const { position } = answer;
  const rank = state.order.indexOf(position);
  const chosen = state.best === position || rank >= 0;
  const open = position in state.corrections;
  return el("article", { class: chosen ? "answer chosen" : "answer", "data-position": position },
    el("div", { class: "letter" }, rank >= 0 ? String(rank + 1) : String.fromCharCode(65 + index)),
    el("div", { class: open ? "text corrected" : "text" }, answer.shown),
    open ? editor(position) : null,
    ...(ask.includes("score") ? parts.map((part) => scale(position, part)) : []),
    el("div", { class: "deeds" },
      ask.includes("choose") ? el("button", { class: "choose", "aria-pressed": String(chosen), onclick: () => pick(position) }, words.best) : null,
      ask.includes("rank") ? el("button", { class: "rank", "aria-pressed": String(chosen), onclick: () => pick(position) }, words.rank) : null,
      ask.includes("correct") ? el("button", { class: "correct", onclick: () => toggle(answer) }, open ? words.undo : words.correct) : null));
}

function editor(position) {
  const area = el("textarea", { "aria-label": words.correct_hint, placeholder: words.correct_hint, oninput: () => { state.corrections[position] = area.value; ready(); } });
  area.value = state.corrections[position];
  return area;
}

function scale(position, part) {
  const key = JSON.stringify([position, part]);
  const steps = MARKS.map((mark, index) => el("button", { "aria-pressed": String(state.scores[key] === mark), onclick: () => { state.scores[key] = mark; draw(); } }, String(index + 1)));
  return el("div", { class: "score", "data-part": part }, partName(part), el("span", { class: "steps" }, ...steps));
}

function actions() {
  const choosing = ask.includes("choose") || ask.includes("rank");
  return el("div", { class: "actions" },
    choosing ? el("button", { id: "alike", "aria-pressed": String(state.alike), onclick: alike }, words.alike) : null,
    el("button", { id: "skip", onclick: skip }, words.skip),
    el("button", { id: "submit", class: "primary", disabled: !says(), onclick: submit }, words.submit));
}

function pick(position) {
  state.alike = false;
  if (ask.includes("choose")) state.best = state.best === position ? null : position;
  else if (state.order.includes(position)) state.order = state.order.filter((other) => other !== position);
  else state.order.push(position);
  draw();
}

function alike() {
  Object.assign(state, { alike: !state.alike, best: null, order: [] });
  draw();
}

function toggle(answer) {
  if (answer.position in state.corrections) delete state.corrections[answer.position];
  else state.corrections[answer.position] = answer.text;
  draw();
  page.querySelector(`[data-position="${answer.position}"] textarea`)?.focus();
}

function verdict() {
  const text = (position) => state.task.answers.find((answer) => answer.position === position).text;
  const corrections = Object.entries(state.corrections)
    .map(([position, corrected]) => ({ position: Number(position), text: corrected.trim() }))
    .filter((one) => one.text && one.text !== text(one.position));
  const scores = Object.entries(state.scores).map(([key, score]) => ({ position: JSON.parse(key)[0], part: JSON.parse(key)[1], score }));
  const order = state.order.length > 1 ? state.order : [];
  return { best: state.best, alike: state.alike, order, scores, corrections };
}

function says() {
  const said = verdict();
  return said.best !== null || said.alike || said.order.length || said.scores.length || said.corrections.length;
}

function ready() {
  document.getElementById("submit").disabled = !says();
}

async function submit() {
  if (!says()) return;
  const body = JSON.stringify({ impression_id: state.task.id, annotator: state.annotator, ...verdict() });
  document.getElementById("submit").disabled = true;
  try {
    await request("v1/labels", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  } catch (error) {
    state.failure = `${words.failed} ${error.message}`;
    draw();
    return;
  }
  advance();
}

function skip() {
  state.skipped.push(state.task.id);
  advance();
}

function problem(text) {
  return el("p", { class: "error", role: "alert" }, text);
}

document.addEventListener("keydown", (event) => {
  if (!state.task || event.target.tagName === "TEXTAREA" || event.ctrlKey || event.metaKey || event.altKey) return;
  const answer = state.task.answers[Number(event.key) - 1];
  if (event.key === "Enter" && event.target.tagName !== "BUTTON") submit();
  else if (event.key.toLowerCase() === "s") skip();
  else if (!ask.includes("choose") && !ask.includes("rank")) return;
  else if (event.key === "0") alike();
  else if (answer) pick(answer.position);
});

welcome();
