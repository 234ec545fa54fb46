"use strict";
// Draws the panels of the present scene on canvases.

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function draw() {
  if (!figures.length) return;  // nothing is loaded yet
  const one = scene();
  $("time").value = now.time;
  $("time-value").textContent = `${number(time())} ${one.time.unit}`;
  $("time").setAttribute("aria-valuetext", $("time-value").textContent);
  if (one.parameter) {
    $("parameter").value = now.parameter;
    $("parameter-value").textContent = one.parameter.words[now.parameter];
    $("parameter").setAttribute("aria-valuetext", one.parameter.words[now.parameter]);
  }
  $("note").textContent = one.parameter?.notes[now.parameter] ?? "";
  for (const figure of figures) drawFigure(figure);
  $("readouts").replaceChildren(...(one.readouts ?? []).map((readout) => {
    const div = document.createElement("div");
    div.appendChild(document.createElement("dt")).textContent = readout.name;
    const value = isValid() ? number(part(readout.values)[0], readout.digits) : "–";
    div.appendChild(document.createElement("dd")).textContent = value;
    return div;
  }));
  const hash = new URLSearchParams({ scene: one.name, t: now.time, p: now.parameter });
  try { history.replaceState(null, "", "#" + hash); } catch { /* too many a second, or no history */ }
}

function drawFigure(figure) {
  const { canvas, panel } = figure;
  const width = canvas.parentElement.clientWidth, ratio = window.devicePixelRatio || 1;
  const inner = width - MARGIN.left - MARGIN.right;
  const shape = panel.kind === "chart" ? 0.62 : (panel.y.high - panel.y.low) / (panel.x.high - panel.x.low);
  const height = Math.round(inner * shape) + MARGIN.top + MARGIN.bottom;
  canvas.style.height = height + "px";
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const c = canvas.getContext("2d");
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  const w = panel.kind === "chart" ? width - MARGIN.left - 12 : inner;
  const box = { x: MARGIN.left, y: MARGIN.top, w, h: Math.round(inner * shape) };
  figure.box = box;
  c.font = "13px system-ui, sans-serif";
  const words = isValid() ? "" : ` Not valid after ${scene().time.label} = ${number(until(), 3)}.`;
  canvas.setAttribute("aria-label", `${panel.title}, ${scene().time.label} = ${number(time())}.${words}`);
  c.save();
  c.beginPath();
  c.rect(box.x, box.y, box.w, box.h);
  c.clip();
  const at = scales(panel, box);
  if (panel.kind === "chart") drawChart(c, panel, box, at);
  else drawImage(c, panel, box, at);
  c.restore();
  axes(c, panel, box, at);
  if (panel.kind === "field") colourBar(c, panel, box);
  if (panel.kind === "wave") wheel(c, box);
  if (!isValid() && panel.kind !== "chart") banner(c, box);
}

/** From numbers to pixels. */
function scales(panel, box) {
  const x = (v) => box.x + (v - panel.x.low) / (panel.x.high - panel.x.low) * box.w;
  const y = (v) => box.y + box.h - (v - panel.y.low) / (panel.y.high - panel.y.low) * box.h;
  return { x, y };
}

function drawImage(c, panel, box, at) {
  const array = panel.values ?? panel.density, t = lastValid();
  const [ny, nx] = array.shape.slice(2), image = new ImageData(nx, ny);
  const strength = part(array, now.parameter, t);
  const colour = panel.kind === "field" ? page.colours[panel.colours] : null;
  const phase = panel.phase && part(panel.phase, now.parameter, t);
  for (let row = 0; row < ny; row++) for (let i = 0; i < nx; i++) {
    const from = (ny - 1 - row) * nx + i, to = 4 * (row * nx + i), value = strength[from];
    const rgb = colour ? colour[value] : waveColour(phase[from], value);
    const grey = 0.3 * rgb[0] + 0.6 * rgb[1] + 0.1 * rgb[2];
    for (let k = 0; k < 3; k++) image.data[to + k] = isValid() ? rgb[k] : 0.4 * grey + 110;
    image.data[to + 3] = colour && value === 0 ? 0 : 255;  // 0: not known
  }
  const small = document.createElement("canvas");
  [small.width, small.height] = [nx, ny];
  small.getContext("2d").putImageData(image, 0, 0);
  c.imageSmoothingQuality = "high";
  c.drawImage(small, box.x, box.y, box.w, box.h);
  if (!isValid()) return;
  for (const overlay of panel.overlays ?? []) {
    if (!now.hidden.has(overlay.name)) DRAW[overlay.kind](c, overlay, at);
  }
}

const DRAW = {
  arrows(c, { places, vectors, scale }, at) {
    const along = part(vectors);
    c.strokeStyle = c.fillStyle = OVERLAYS.drift;
    c.globalAlpha = 0.75;
    c.lineWidth = 1.3;
    places.forEach(([x, y], i) => {
      const dx = scale * along[2 * i], dy = scale * along[2 * i + 1];
      const [x0, y0, x1, y1] = [at.x(x - dx / 2), at.y(y - dy / 2), at.x(x + dx / 2), at.y(y + dy / 2)];
      const length = Math.hypot(x1 - x0, y1 - y0), angle = Math.atan2(y1 - y0, x1 - x0);
      if (!(length > 1)) return;
      const head = Math.min(6, 0.5 * length);
      line(c, [[x0, y0], [x1, y1]]);
      c.beginPath();
      c.moveTo(x1, y1);
      for (const turn of [2.6, -2.6]) c.lineTo(x1 + head * Math.cos(angle + turn), y1 + head * Math.sin(angle + turn));
      c.fill();
    });
    c.globalAlpha = 1;
  },
  /** D at each place: the hyperbola ξᵀD⁻¹ξ = 1 and its two axes. */
  diffusion(c, { places, matrices, scale }, at) {
    const of = part(matrices);
    c.lineWidth = 1.6;
    places.forEach(([x, y], i) => {
      const [a, b, d] = of.subarray(3 * i, 3 * i + 3), angle = Math.atan2(2 * b, a - d) / 2;
      const middle = (a + d) / 2, half = Math.hypot((a - d) / 2, b);
      [middle + half, middle - half].forEach((value, k) => {
        const size = scale * Math.sqrt(Math.abs(value)), turn = angle + k * Math.PI / 2;
        const place = (u, v) => [
          at.x(x + u * Math.cos(turn) - v * Math.sin(turn)), at.y(y + u * Math.sin(turn) + v * Math.cos(turn))];
        c.strokeStyle = value > 0 ? OVERLAYS.spreads : OVERLAYS.contracts;
        if (!(size > 0)) return;
        line(c, [place(-size, 0), place(size, 0)]);
        if (value < 0) return;
        const other = scale * Math.sqrt(Math.abs(middle - half)), steps = [-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1];
        c.globalAlpha = 0.7;
        for (const side of [1, -1]) line(c, steps.map((s) => place(side * size * Math.cosh(s), other * Math.sinh(s))));
        c.globalAlpha = 1;
      });
    });
  },
  /** Particles up to the present time, along the last `trail` times. */
  paths(c, { positions, trail }, at) {
    const [, , count] = positions.shape;
    const first = Math.max(0, now.time - trail);
    const rows = Array.from({ length: now.time - first + 1 }, (_, t) => part(positions, now.parameter, first + t));
    for (let i = 0; i < count; i++) {
      const points = rows.map((row) => [at.x(row[2 * i]), at.y(row[2 * i + 1])]);
      c.strokeStyle = OVERLAYS.paths;
      c.globalAlpha = 0.45;
      c.lineWidth = 1.1;
      line(c, points);
      c.globalAlpha = 1;
      dot(c, points.at(-1), 3, OVERLAYS.paths);
    }
  },
  points(c, { positions }, at) {
    const row = part(positions);
    for (let i = 0; i < row.length; i += 2) dot(c, [at.x(row[i]), at.y(row[i + 1])], 1.6, OVERLAYS.outline);
  },
  outline(c, { curves }, at) {
    c.strokeStyle = OVERLAYS.outline;
    c.globalAlpha = 0.8;
    c.lineWidth = 1;
    line(c, pairs(part(curves)).map(([x, y]) => [at.x(x), at.y(y)]));
    c.globalAlpha = 1;
  },
};

const pairs = (row) => Array.from({ length: row.length / 2 }, (_, i) => [row[2 * i], row[2 * i + 1]]);

/** A line through points; it is interrupted where one is not finite. */
function line(c, points) {
  c.beginPath();
  let before = false;
  for (const [x, y] of points) {
    const known = Number.isFinite(x) && Number.isFinite(y);
    if (known) before ? c.lineTo(x, y) : c.moveTo(x, y);
    before = known;
  }
  c.stroke();
}

function dot(c, [x, y], radius, colour) {
  if (!Number.isFinite(x) || !Number.isFinite(y)) return;
  c.fillStyle = colour;
  c.strokeStyle = "#000000";
  c.lineWidth = 0.6;
  c.beginPath();
  c.arc(x, y, radius, 0, 2 * Math.PI);
  c.fill();
  c.stroke();
}

/** Hue for the phase, light for the density; `strength` is 255 √(ρ/peak). */
function waveColour(phase, strength) {
  const light = (strength / 255) ** 2;
  return page.phases[phase].map((x) => {
    const linear = light * (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
    return 255 * (linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055);
  });
}

const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]];

function drawChart(c, panel, box, at) {
  c.strokeStyle = style("--line");
  for (const y of panel.rules ?? []) line(c, [[box.x, at.y(y)], [box.x + box.w, at.y(y)]]);
  if (panel.cursor) {
    c.strokeStyle = style("--faint");
    line(c, [[at.x(time()), box.y], [at.x(time()), box.y + box.h]]);
  }
  panel.series.forEach((series, i) => {
    const x = part(series.x), y = part(series.y), error = series.error && part(series.error);
    const points = Array.from(y, (v, k) => [at.x(x[k]), at.y(v)]);
    c.strokeStyle = style(`--c${i % 4}`);
    c.lineWidth = series.style === "points" ? 1 : 2;
    if (series.style === "points") {
      points.forEach((point, k) => {
        if (error) line(c, [[point[0], at.y(y[k] - error[k])], [point[0], at.y(y[k] + error[k])]]);
      });
      for (const point of points) dot(c, point, 2.6, style(`--c${i % 4}`));
    } else {
      c.setLineDash(DASHES[i % DASHES.length]);
      line(c, points);
      c.setLineDash([]);
    }
    if (panel.cursor && series.style !== "points") {
      const k = x.findIndex((v) => Math.abs(v - time()) < 1e-6 * Math.max(1, Math.abs(time())));
      if (k >= 0) dot(c, points[k], 4, style(`--c${i % 4}`));
    }
  });
}

function ticks(low, high, most) {
  const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 2.5, 4, 5, 10].find((m) => m * power >= rough);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(k * step);
  return found.map((v) => (Math.abs(v) < 1e-9 * step ? 0 : v));
}

function axes(c, panel, box, at) {
  c.strokeStyle = style("--faint");
  c.fillStyle = style("--ink");
  c.lineWidth = 1;
  c.strokeRect(box.x + 0.5, box.y + 0.5, box.w - 1, box.h - 1);
  c.textAlign = "center";
  c.textBaseline = "top";
  const bottom = box.y + box.h;
  for (const v of ticks(panel.x.low, panel.x.high, Math.max(4, Math.floor(box.w / 70)))) {
    line(c, [[at.x(v), bottom], [at.x(v), bottom + 4]]);
    c.fillText(number(v), at.x(v), bottom + 7);
  }
  c.fillText(panel.x.label, box.x + box.w / 2, bottom + 25);
  c.textAlign = "right";
  c.textBaseline = "middle";
  for (const v of ticks(panel.y.low, panel.y.high, Math.max(3, Math.floor(box.h / 50)))) {
    line(c, [[box.x - 4, at.y(v)], [box.x, at.y(v)]]);
    c.fillText(number(v), box.x - 7, at.y(v));
  }
  upright(c, panel.y.label, 9, box.y + box.h / 2);
}

function upright(c, text, x, y) {
  c.save();
  c.translate(x, y);
  c.rotate(-Math.PI / 2);
  c.textAlign = "center";
  c.textBaseline = "middle";
  c.fillText(text, 0, 0);
  c.restore();
}

function colourBar(c, panel, box) {
  const x = box.x + box.w + 10, colours = page.colours[panel.colours], { low, high } = panel.values;
  for (let i = 0; i < box.h; i++) {
    c.fillStyle = `rgb(${colours[Math.round(255 - 254 * i / (box.h - 1))]})`;
    c.fillRect(x, box.y + i, 11, 1.5);
  }
  c.fillStyle = style("--ink");
  c.textAlign = "left";
  c.textBaseline = "middle";
  const found = ticks(low, high, Math.max(3, Math.floor(box.h / 45)));
  if (panel.clips) found.splice(0, found.length, ...found.filter((v) => v < high - 0.08 * (high - low)), high);
  for (const v of found)
    c.fillText((v === high && panel.clips ? "≥" : "") + number(v, 3), x + 15, box.y + box.h - (v - low) / (high - low) * box.h);
  c.textAlign = "right";
  c.textBaseline = "top";
  c.fillText(panel.bar, box.x + box.w + MARGIN.right - 2, box.y + box.h + 25);
}

function wheel(c, box) {
  const r = 22, x = box.x + box.w + 39, y = box.y + 44, image = new ImageData(4 * r, 4 * r);
  for (let i = 0; i < 4 * r; i++) for (let j = 0; j < 4 * r; j++) {
    const [u, v] = [(j - 2 * r + 0.5) / (2 * r), (2 * r - i - 0.5) / (2 * r)], part = Math.hypot(u, v);
    if (part > 1) continue;
    const phase = Math.round((Math.atan2(v, u) / (2 * Math.PI) + 1) * 256) % 256;
    image.data.set([...waveColour(phase, 255 * Math.sqrt(part)), 255], 4 * (i * 4 * r + j));
  }
  const small = document.createElement("canvas");
  small.width = small.height = 4 * r;
  small.getContext("2d").putImageData(image, 0, 0);
  c.drawImage(small, x - r, y - r, 2 * r, 2 * r);
  c.fillStyle = style("--ink");
  c.textAlign = "center";
  c.textBaseline = "middle";
  const labels = [["0", r + 6, 0], ["π/2", 0, -r - 9], ["−π/2", 0, r + 10], ["π", -r - 6, 0]];
  for (const [text, dx, dy] of labels) c.fillText(text, x + dx, y + dy);
  c.fillText("S/ħ", x, y + r + 28);
}

function banner(c, box) {
  const text = `not valid after ${scene().time.label} = ${number(until(), 3)}`;
  const width = c.measureText(text).width + 20, x = box.x + box.w / 2, y = box.y + box.h / 2;
  c.fillStyle = style("--paper");
  c.fillRect(x - width / 2, y - 14, width, 28);
  c.fillStyle = style("--bad");
  c.textAlign = "center";
  c.textBaseline = "middle";
  c.fillText(text, x, y);
}

/** The coordinates and the value below a pointer. */
function readOut({ panel, canvas, value, box }, event) {
  const place = canvas.getBoundingClientRect();
  const u = (event.clientX - place.left - box.x) / box.w, v = 1 - (event.clientY - place.top - box.y) / box.h;
  if (u < 0 || u >= 1 || v < 0 || v >= 1) { value.textContent = ""; return; }
  const x = panel.x.low + u * (panel.x.high - panel.x.low), y = panel.y.low + v * (panel.y.high - panel.y.low);
  let text = `${panel.x.name} = ${number(x, 3)}, ${panel.y.name} = ${number(y, 3)}`;
  if (panel.kind !== "chart" && isValid()) {
    const array = panel.values ?? panel.density, [ny, nx] = array.shape.slice(2);
    const at = Math.floor(v * ny) * nx + Math.floor(u * nx), byte = part(array)[at];
    if (panel.kind === "wave") {
      const phase = ((part(panel.phase)[at] / 256 + 0.5) % 1) - 0.5;
      const rho = number(panel.peak * (Math.max(byte, panel.dark) / 255) ** 2, 2);
      text += byte > 0 ? `, ρ = ${rho}, S/ħ = ${number(2 * Math.PI * phase, 2)}` : `, ρ < ${rho}`;
    } else if (byte > 0) {
      text += `, ${panel.name} = ${number(array.low + (byte - 1) / 254 * (array.high - array.low), 2)}`;
    }
  }
  value.textContent = text;
}
