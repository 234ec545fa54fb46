"use strict";
// Draws precomputed scenes. A scene has panels; a panel has arrays with the axes (parameter, time, …).

const page = JSON.parse(document.getElementById("page").textContent);
const $ = (id) => document.getElementById(id);
const MARGIN = { left: 62, right: 74, top: 10, bottom: 44 };
const OVERLAYS = {  // colours that are visible on all fields
  drift: "#ffffff", spreads: "#ffa44d", contracts: "#6fd6ff", paths: "#f4f1a6", outline: "#ffffff",
};
const now = { scene: 0, time: 0, parameter: 0, timer: null, hidden: new Set() };  // timer: of the film, if it plays
let figures = [];  // of the scene: panel, canvas, where its axes are
let wanted = 0;  // the scene that was chosen last, while its arrays are unpacked

// ---- arrays ----

async function loaded(scene, index) {
  const text = $("data-" + index).textContent;
  const packed = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(stream).arrayBuffer();
  const revive = (x) => {
    if (x === null || typeof x !== "object") return x;
    if (!Object.hasOwn(x, "at")) {
      for (const key of Object.keys(x)) x[key] = revive(x[key]);
      return x;
    }
    const size = x.shape.reduce((a, b) => a * b, 1);
    x.data = new (x.type === "u1" ? Uint8Array : Float32Array)(buffer, x.at, size);
    return x;
  };
  return revive(scene);
}

/** The part of an array for a parameter and a time; an axis of length 1 stands for all. */
function part(array, p = now.parameter, t = now.time) {
  const [P, T, ...rest] = array.shape;
  const size = rest.reduce((a, b) => a * b, 1);
  const row = Math.min(p, P - 1) * T + Math.min(t, T - 1);
  return array.data.subarray(row * size, (row + 1) * size);
}

// ---- state ----

const scene = () => page.scenes[now.scene];
const time = () => scene().time.values[now.time];
const until = () => (scene().until ? scene().until[now.parameter] ?? Infinity : Infinity);
const isValid = () => time() < until();

function lastValid() {
  const times = scene().time.values;
  let last = now.time;
  while (last > 0 && times[last] >= until()) last--;
  return last;
}

function number(x, digits = 4) {
  if (!Number.isFinite(x)) return "–";
  const text = Math.abs(x) >= 1e5 || (x !== 0 && Math.abs(x) < 1e-3)
    ? x.toExponential(Math.max(digits - 2, 1)).replace("e+", "e")
    : String(Number(x.toPrecision(digits)));
  return text.replace("-", "−");
}

function readHash() {
  const state = new URLSearchParams(location.hash.slice(1));
  const index = page.scenes.findIndex((s) => s.name === state.get("scene"));
  const whole = (name, fallback) => {
    const value = Number.parseInt(state.get(name) ?? "", 10);
    return Number.isNaN(value) ? fallback : value;
  };
  const chosen = page.scenes[Math.max(index, 0)];
  return show(Math.max(index, 0), whole("t", chosen.begin), whole("p", chosen.parameter?.begin ?? 0));
}

function set(name, value) {
  const count = name === "time" ? scene().time.values.length : scene().parameter?.words.length ?? 1;
  now[name] = Math.min(Math.max(value, 0), count - 1);
  draw();
}

// ---- the controls ----

async function show(index, t, p) {
  wanted = index;
  const one = page.scenes[index];
  one.ready ??= loaded(one, index);
  await one.ready;
  if (wanted !== index) return;  // another one was chosen meanwhile
  now.scene = index;
  for (const [i, tab] of [...$("tabs").children].entries()) {
    tab.setAttribute("aria-selected", i === index);
    tab.tabIndex = i === index ? 0 : -1;
  }
  $("scene").setAttribute("aria-labelledby", "tab-" + index);
  $("text").textContent = one.text;
  $("time").max = one.time.values.length - 1;
  $("time-label").textContent = one.time.label;
  const moves = one.time.values.length > 1;
  $("time").closest("label").hidden = $("play").hidden = !moves;
  $("parameter-row").hidden = !one.parameter;
  if (one.parameter) {
    $("parameter").max = one.parameter.words.length - 1;
    $("parameter-label").textContent = one.parameter.label;
  }
  $("help").hidden = !moves && !one.parameter;
  $("help-parameter").hidden = !one.parameter;
  $("note").hidden = !one.parameter?.notes.some((note) => note);
  buildPanels(one);
  now.time = Math.min(Math.max(t, 0), one.time.values.length - 1);
  set("parameter", p);
}

function buildPanels(one) {
  $("panels").replaceChildren();
  figures = one.panels.map((panel) => {
    const figure = document.createElement("figure");
    figure.className = panel.kind;
    const caption = figure.appendChild(document.createElement("figcaption"));
    caption.textContent = panel.title;
    const canvas = figure.appendChild(document.createElement("canvas"));
    canvas.setAttribute("role", "img");
    if (panel.kind === "chart") figure.appendChild(legend(panel));
    const value = figure.appendChild(document.createElement("output"));
    value.className = "value";
    const entry = { panel, canvas, value, box: null };
    for (const type of ["pointermove", "pointerdown"])
      canvas.addEventListener(type, (event) => readOut(entry, event));
    canvas.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse") value.textContent = "";  // after a tap it stays
    });
    $("panels").appendChild(figure);
    return entry;
  });
  const found = one.panels.flatMap((panel) => panel.overlays ?? []);
  const names = [...new Set(found.map((overlay) => overlay.name))];
  for (const overlay of found) if (overlay.hidden && !one.seen) now.hidden.add(overlay.name);
  one.seen = true;
  $("overlays").replaceChildren(...names.map(checkbox));
}

function checkbox(name) {
  const label = document.createElement("label");
  const box = label.appendChild(document.createElement("input"));
  box.type = "checkbox";
  box.checked = !now.hidden.has(name);
  box.addEventListener("change", () => {
    box.checked ? now.hidden.delete(name) : now.hidden.add(name);
    draw();
  });
  label.append(name);
  return label;
}

function legend(panel) {
  const list = document.createElement("div");
  list.className = "legend";
  panel.series.forEach((series, i) => {
    const item = list.appendChild(document.createElement("span"));
    const dash = series.style === "points" ? "0 8" : DASHES[i % DASHES.length].join(" ");
    item.innerHTML = `<svg viewBox="0 0 32 10"><path d="M2 5H30" stroke="var(--c${i % 4})" `
      + `stroke-width="${series.style === "points" ? 7 : 3}" stroke-linecap="round" `
      + `stroke-dasharray="${dash}"/></svg>`;
    item.append(series.name);
  });
  return list;
}

function tick() {
  const count = scene().time.values.length;
  set("time", (now.time + 1) % count);
  now.timer = setTimeout(tick, now.time === count - 1 ? 900 : 80);
}

function play(start = now.timer === null) {
  clearTimeout(now.timer);
  now.timer = null;
  $("play").textContent = start ? "❚❚" : "▶";
  $("play").setAttribute("aria-label", start ? "Pause" : "Play");
  if (start) tick();
}

function onKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const target = event.target, isSlider = target.matches?.("input[type=range]");
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1 };
  if (event.key === " ") {
    if (target.closest?.("button, input[type=checkbox], summary, a")) return;
    if (scene().time.values.length > 1) play();
  } else if (event.key in steps) {
    const across = event.key === "ArrowLeft" || event.key === "ArrowRight";
    if (across && isSlider) return;  // it moves by itself
    if (across && target.getAttribute?.("role") === "tab") {
      const count = page.scenes.length;
      const next = (wanted + steps[event.key] + count) % count;
      choose(next);
      $("tab-" + next).focus();
    } else if (across) {
      set("time", now.time + steps[event.key]);
    } else if (scene().parameter) {
      set("parameter", now.parameter + steps[event.key]);
    } else return;
  } else return;
  event.preventDefault();
}

function choose(index) {
  play(false);
  return show(index, page.scenes[index].begin, page.scenes[index].parameter?.begin ?? 0);
}

// ---- begin ----

page.scenes.forEach((one, i) => {
  const tab = document.createElement("button");
  Object.assign(tab, { id: "tab-" + i, type: "button", textContent: one.title });
  tab.setAttribute("role", "tab");
  tab.setAttribute("aria-controls", "scene");
  tab.addEventListener("click", () => choose(i));
  $("tabs").appendChild(tab);
});
$("tabs").hidden = page.scenes.length < 2;
$("play").addEventListener("click", () => play());
for (const name of ["time", "parameter"])
  $(name).addEventListener("input", () => { set(name, Number($(name).value)); });
$("time").addEventListener("pointerdown", () => play(false));
document.addEventListener("keydown", onKey);
window.addEventListener("hashchange", readHash);
window.addEventListener("resize", draw);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
readHash().then(() => { document.body.dataset.ready = "true"; });
