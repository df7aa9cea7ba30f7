"use strict";
(() => {
  const pair = JSON.parse(document.getElementById("pair").textContent);
  const element = (id) => document.getElementById(id);
  const OTHER = { source: "target", target: "source" };

  // --- What the program found -------------------------------------------------------------------------------

  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const field = (stored) => stored && {
    width: stored.width,
    height: stored.height,
    steps: new Float32Array(bytes(stored.steps).buffer),
    confidence: bytes(stored.confidence),
  };
  const fields = { source: field(pair.forward), target: field(pair.backward) };

  // The bilinear value of every channel at a point of the unit square; beyond the rim the rim's value holds.
  const sample = ({ width, height }, values, channels, u, v) => {
    const along = (unit, cells) => {
      const position = Math.min(Math.max(unit * cells - 0.5, 0), cells - 1);
      const first = Math.floor(position);
      return [first, Math.min(first + 1, cells - 1), position - first];
    };
    const [left, right, fx] = along(u, width);
    const [top, bottom, fy] = along(v, height);
    const at = (row, column, channel) => values[(row * width + column) * channels + channel];
    return Array.from({ length: channels }, (_, channel) =>
      (at(top, left, channel) * (1 - fx) + at(top, right, channel) * fx) * (1 - fy) +
      (at(bottom, left, channel) * (1 - fx) + at(bottom, right, channel) * fx) * fy);
  };

  // Where a point of one photo's unit square lies in the other's, and how sure that is.
  const match = (side, u, v) => {
    const found = fields[side];
    const [du, dv] = sample(found, found.steps, 2, u, v);
    const inside = u + du >= 0 && u + du <= 1 && v + dv >= 0 && v + dv <= 1;
    const [confidence] = sample(found, found.confidence, 1, u, v);
    return { u: u + du, v: v + dv, inside, confidence: inside ? confidence / 255 : 0 };
  };

  const pixel = (side, { u, v }) => [u * pair[side].width - 0.5, v * pair[side].height - 0.5];
  const unit = (side, [x, y]) => ({ u: (x + 0.5) / pair[side].width, v: (y + 0.5) / pair[side].height });

  // Bytes of how well cells match; there once they are unpacked.
  let similarity = null;
  const unpack = async () => {
    if (!pair.similarity || typeof DecompressionStream === "undefined") return;
    const packed = new Blob([bytes(pair.similarity.values)]).stream();
    const stream = packed.pipeThrough(new DecompressionStream("deflate"));
    similarity = new Uint8Array(await new Response(stream).arrayBuffer());
  };

  // How well each cell of the other photo matches the cell of a point, and the greatest of these values.
  const likeness = (side, { u, v }) => {
    if (!similarity) return null;
    const which = side === "source" ? 0 : 1;
    const { sides, places } = pair.similarity;
    const [left, top, width, height] = places[which];
    const cell = (position) => Math.min(Math.max(Math.floor(position * sides[which]), 0), sides[which] - 1);
    const own = cell(top + v * height) * sides[which] + cell(left + u * width);
    const count = sides[1 - which] ** 2;
    const step = side === "source" ? 1 : sides[1] ** 2;
    const start = side === "source" ? own * count : own;
    const values = Array.from({ length: count }, (_, index) => similarity[start + index * step]);
    return { values, side: sides[1 - which], place: places[1 - which], most: Math.max(1, ...values) };
  };

  // --- The two photos ---------------------------------------------------------------------------------------

  const views = {};
  for (const figure of document.querySelectorAll("figure[data-side]")) {
    const side = figure.dataset.side;
    views[side] = {
      stage: figure.querySelector(".stage"),
      image: figure.querySelector("img"),
      layer: figure.querySelector(".layer"),
      marks: figure.querySelector(".marks"),
      pixels: null,
    };
  }

  // The photo's colours as it is shown.
  const pixels = (view) => {
    if (!view.pixels) {
      const canvas = document.createElement("canvas");
      canvas.width = view.image.naturalWidth;
      canvas.height = view.image.naturalHeight;
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(view.image, 0, 0);
      view.pixels = context.getImageData(0, 0, canvas.width, canvas.height);
    }
    return view.pixels;
  };

  // A stage keeps the photo's shape, within its column and the window.
  const fit = () => {
    for (const side of ["source", "target"]) {
      const { stage } = views[side];
      const { width, height } = pair[side];
      stage.style.width = "";
      const most = parseFloat(getComputedStyle(stage).maxHeight);
      const column = stage.parentElement.clientWidth;
      if (most && column * height / width > most) stage.style.width = `${most * width / height}px`;
    }
  };

  // --- What is shown of it ----------------------------------------------------------------------------------

  const shown = (id) => element(id) !== null && element(id).checked;
  const least = () => Number(element("least").value);

  // The colour of a move, on the wheel that the program draws flows by.
  const WHEEL = pair.wheel;
  const directed = (dx, dy, scale) => {
    const turn = (Math.atan2(-dy, -dx) / Math.PI + 1) / 2 * (WHEEL.length - 1);
    const [first, part] = [Math.floor(turn), turn % 1];
    const strength = Math.min(Math.hypot(dx, dy) / scale, 1);
    const [from, to] = [WHEEL[first], WHEEL[(first + 1) % WHEEL.length]];
    return from.map((value, channel) => 255 - strength * (255 - (value + (to[channel] - value) * part)));
  };

  // The move that 99 % of a field stay below, as a part of the photo; not so small that noise gets full colours.
  const largest = ({ steps }) => {
    const lengths = Float32Array.from({ length: steps.length / 2 }, (_, index) =>
      Math.hypot(steps[2 * index], steps[2 * index + 1])).sort();
    return Math.max(lengths[Math.floor(0.99 * (lengths.length - 1))], pair.flow_floor);
  };
  const scale = (side) => fields[side].scale ??= largest(fields[side]);

  const VIRIDIS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
  const ramp = (value) => {
    const position = Math.min(Math.max(value, 0), 1) * (VIRIDIS.length - 1);
    const first = Math.min(Math.floor(position), VIRIDIS.length - 2);
    return VIRIDIS[first].map((low, channel) => low + (VIRIDIS[first + 1][channel] - low) * (position - first));
  };

  // Fills a view's layer: red, green, blue and opacity of every pixel by its place in the unit square.
  const paint = (side, colour) => {
    const { layer, image } = views[side];
    const shrink = Math.min(1, 900 / Math.max(image.naturalWidth, image.naturalHeight));
    layer.width = Math.max(1, Math.round(image.naturalWidth * shrink));
    layer.height = Math.max(1, Math.round(image.naturalHeight * shrink));
    const context = layer.getContext("2d");
    const picture = context.createImageData(layer.width, layer.height);
    for (let y = 0, at = 0; y < layer.height; y++) {
      for (let x = 0; x < layer.width; x++, at += 4) {
        const found = colour((x + 0.5) / layer.width, (y + 0.5) / layer.height);
        if (found) picture.data.set(found, at);
      }
    }
    context.putImageData(picture, 0, 0);
  };

  const clear = (canvas) => canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);

  const paintLayers = () => {
    const [warp, flow, trust] = ["warp", "flow", "trust"].map(shown);
    element("mix-row").hidden = element("wipe-row").hidden = !warp;
    element("wheel-legend").hidden = !flow;
    element("trust-legend").hidden = !trust;
    const [mix, wipe] = ["mix", "wipe"].map((id) => Number(element(id).value));
    for (const side of ["source", "target"]) {
      if (!fields[side] || !(warp || flow || trust)) {
        clear(views[side].layer);
        continue;
      }
      const from = pixels(views[OTHER[side]]);
      const most = flow && scale(side);
      paint(side, (u, v) => {
        const found = match(side, u, v);
        if (trust) return [...ramp(found.confidence), 190];
        if (flow) return [...directed(found.u - u, found.v - v, most), 215];
        if (u > wipe || found.confidence < least()) return null;
        const x = Math.min(Math.max(Math.floor(found.u * from.width), 0), from.width - 1);
        const y = Math.min(Math.max(Math.floor(found.v * from.height), 0), from.height - 1);
        const at = (y * from.width + x) * 4;
        return [from.data[at], from.data[at + 1], from.data[at + 2], 255 * mix];
      });
    }
    if (flow) drawWheel();
  };

  const drawWheel = () => {
    const canvas = element("wheel-legend").querySelector("canvas");
    const context = canvas.getContext("2d");
    const picture = context.createImageData(canvas.width, canvas.height);
    const radius = canvas.width / 2;
    for (let y = 0, at = 0; y < canvas.height; y++) {
      for (let x = 0; x < canvas.width; x++, at += 4) {
        const [dx, dy] = [(x + 0.5) / radius - 1, (y + 0.5) / radius - 1];
        if (Math.hypot(dx, dy) <= 1) picture.data.set([...directed(dx, dy, 1), 255], at);
      }
    }
    context.putImageData(picture, 0, 0);
    const percent = Math.round(scale("source") * 100);
    element("wheel-said").textContent =
      `Colour is the direction to the counterpart, full colour a move by ${percent} % of the photo or more.`;
  };

  // Points spread evenly, no two in a row.
  const POINTS = 120;
  const GOLDEN = (1 + Math.sqrt(5)) / 2;
  const spread = Array.from({ length: POINTS }, (_, index) =>
    ({ u: (index / GOLDEN) % 1, v: (index + 0.5) / POINTS }));
  const MOST_LINES = 40;

  const drawLines = () => {
    const layer = element("lines-layer");
    layer.replaceChildren();
    if (!shown("lines")) return;
    const frame = layer.getBoundingClientRect();
    const place = (side, { u, v }) => {
      const box = views[side].stage.getBoundingClientRect();
      return [box.left - frame.left + u * box.width, box.top - frame.top + v * box.height];
    };
    const found = spread
      .map((point) => ({ from: point, to: match("source", point.u, point.v) }))
      .filter(({ to }) => to.inside && to.confidence >= least())
      .sort((a, b) => a.to.confidence - b.to.confidence)
      .slice(-MOST_LINES);
    const make = (name, attributes) => {
      const made = document.createElementNS(layer.namespaceURI, name);
      for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
      layer.append(made);
    };
    for (const { from, to } of found) {
      const colour = `hsl(${Math.round(360 * from.u)} 85% ${Math.round(40 + 30 * from.v)}%)`;
      const [[x1, y1], [x2, y2]] = [place("source", from), place("target", to)];
      const opacity = 0.3 + 0.7 * to.confidence;
      make("line", { x1, y1, x2, y2, stroke: colour, "stroke-width": 1.6, opacity });
      for (const [cx, cy] of [[x1, y1], [x2, y2]]) {
        make("circle", { cx, cy, r: 4, fill: colour, stroke: "#fff", "stroke-width": 1.4, opacity });
      }
    }
  };

  // --- The point that is looked at --------------------------------------------------------------------------

  let pointed = null; // { side, u, v }
  let held = false;

  const heat = (context, side, { values, side: cells, place: [left, top, width, height], most }) => {
    const small = document.createElement("canvas");
    small.width = small.height = cells;
    const picture = small.getContext("2d").createImageData(cells, cells);
    values.forEach((value, index) => {
      const part = value / most;
      picture.data.set([255, 60 + 180 * part, 30, 215 * part ** 1.5], index * 4);
    });
    small.getContext("2d").putImageData(picture, 0, 0);
    const { clientWidth, clientHeight } = views[side].marks;
    const [wide, high] = [clientWidth / width, clientHeight / height];
    context.imageSmoothingQuality = "high";
    context.drawImage(small, -left * wide, -top * high, wide, high);
  };

  // A ring with a dot; thinner and dashed where it is not certain.
  const ring = (context, [x, y], colour, radius, certain) => {
    for (const [width, style] of [[5, "rgba(0, 0, 0, 0.55)"], [2.5, colour]]) {
      context.lineWidth = width;
      context.strokeStyle = context.fillStyle = style;
      context.setLineDash(certain ? [] : [4, 4]);
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.stroke();
      context.beginPath();
      context.arc(x, y, width / 2, 0, 2 * Math.PI);
      context.fill();
    }
    context.setLineDash([]);
  };

  const drawKeypoints = (context, side) => {
    const { source, target, truth } = pair.keypoints;
    const place = (point) => {
      const { u, v } = unit(side, point);
      return [u * views[side].marks.clientWidth, v * views[side].marks.clientHeight];
    };
    (side === "source" ? source : target).forEach((point, index) => {
      const colour = `hsl(${Math.round(360 * index / source.length)} 90% 60%)`;
      const [x, y] = place(point);
      context.lineWidth = 2;
      if (side === "target" && truth) {
        const [tx, ty] = place(truth[index]);
        context.strokeStyle = "#fff";
        context.beginPath();
        context.moveTo(x, y);
        context.lineTo(tx, ty);
        context.stroke();
        context.strokeStyle = colour;
        context.strokeRect(tx - 5, ty - 5, 10, 10);
      }
      context.beginPath();
      context.arc(x, y, 5, 0, 2 * Math.PI);
      context.fillStyle = colour;
      context.strokeStyle = "#000";
      context.fill();
      context.stroke();
      context.font = "600 12px system-ui, sans-serif";
      context.lineWidth = 3;
      context.strokeStyle = "#000";
      context.fillStyle = "#fff";
      context.strokeText(index + 1, x + 8, y + 4);
      context.fillText(index + 1, x + 8, y + 4);
    });
  };

  const drawMarks = () => {
    for (const side of ["source", "target"]) {
      const { marks } = views[side];
      const dense = window.devicePixelRatio || 1;
      marks.width = Math.max(1, Math.round(marks.clientWidth * dense));
      marks.height = Math.max(1, Math.round(marks.clientHeight * dense));
      const context = marks.getContext("2d");
      context.scale(dense, dense);
      const place = ({ u, v }) => [u * marks.clientWidth, v * marks.clientHeight];
      if (pointed && side !== pointed.side && shown("heat")) {
        const found = likeness(pointed.side, pointed);
        if (found) heat(context, side, found);
      }
      if (pair.keypoints && shown("points")) drawKeypoints(context, side);
      if (!pointed) continue;
      if (side === pointed.side) ring(context, place(pointed), "#fff", 9, true);
      else if (fields[pointed.side]) {
        const found = match(pointed.side, pointed.u, pointed.v);
        if (found.inside) ring(context, place(found), "#4dff88", 11, found.confidence >= pair.threshold);
      }
    }
  };

  const number = (value, digits) => Number(value.toFixed(digits));
  const record = () => {
    const found = match(pointed.side, pointed.u, pointed.v);
    const [from, to] = [pixel(pointed.side, pointed), pixel(OTHER[pointed.side], found)]
      .map((point) => point.map((value) => number(value, 2)));
    const places = pointed.side === "source" ? { source: from, target: to } : { source: to, target: from };
    return { from: pointed.side, ...places, confidence: number(found.confidence, 3) };
  };

  const inWords = (confidence) => {
    if (confidence < pair.threshold) return "too little to rely on";
    return confidence >= 0.7 ? "quite sure" : confidence >= 0.4 ? "fairly sure" : "unsure";
  };

  let speaking = 0;
  const tell = () => {
    element("copy").disabled = !pointed;
    if (!pointed) return;
    const found = match(pointed.side, pointed.u, pointed.v);
    const round = (point) => point.map((value) => value.toFixed(1)).join(", ");
    const name = { source: "Source", target: "Target" };
    const from = `${name[pointed.side]} (${round(pixel(pointed.side, pointed))})`;
    const to = `${OTHER[pointed.side]} (${round(pixel(OTHER[pointed.side], found))})`;
    const sure = `confidence ${found.confidence.toFixed(2)}, ${inWords(found.confidence)}`;
    const text = found.inside ? `${from} → ${to}, ${sure}` : `${from} has no counterpart inside the other photo`;
    element("said").textContent = held ? `${text} (held)` : text;
    clearTimeout(speaking);
    speaking = setTimeout(() => { element("spoken").textContent = text; }, 500);
  };

  const point = (side, u, v) => {
    if (!fields[side]) return;
    const within = (value) => Math.min(Math.max(value, 0), 1);
    pointed = { side, u: within(u), v: within(v) };
    drawMarks();
    tell();
  };

  for (const side of ["source", "target"]) {
    const { marks } = views[side];
    const at = (event) => {
      const box = marks.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    };
    marks.addEventListener("pointermove", (event) => {
      if (!held || event.buttons) point(side, ...at(event));
    });
    marks.addEventListener("pointerdown", (event) => {
      held = event.pointerType === "mouse" ? !held : true;
      point(side, ...at(event));
    });
    marks.addEventListener("keydown", (event) => {
      const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      const [dx, dy] = KEYS[event.key] || [0, 0];
      if (KEYS[event.key]) {
        event.preventDefault();
        const now = pointed && pointed.side === side ? pointed : { u: 0.5, v: 0.5 };
        const step = (event.shiftKey ? 0.001 : 0.01) * Math.max(pair[side].width, pair[side].height);
        held = true;
        point(side, now.u + dx * step / pair[side].width, now.v + dy * step / pair[side].height);
      } else if (event.key === "Enter") {
        held = !held;
        tell();
      } else if (event.key === "Escape") {
        held = false;
        tell();
      }
    });
  }

  element("copy").addEventListener("click", async () => {
    const text = JSON.stringify(record());
    const button = element("copy");
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      // Pages opened from a file may not write there in every browser: then the text is there to be taken.
      window.prompt("The point as JSON:", text);
    }
    setTimeout(() => { button.textContent = "Copy as JSON"; }, 1500);
  });

  // --- Beginning --------------------------------------------------------------------------------------------

  const keypointTable = () => {
    const { source, target, confidence, distance } = pair.keypoints;
    const heads = ["", "source", "target", "confidence", ...(distance ? ["pixels off"] : [])];
    const round = (point) => point.map((value) => value.toFixed(1)).join(", ");
    const rows = source.map((from, index) => [
      index + 1, round(from), round(target[index]), confidence[index].toFixed(2),
      ...(distance ? [distance[index].toFixed(1)] : []),
    ]);
    const table = document.createElement("table");
    table.createTHead().insertRow().append(...heads.map((text) => {
      const cell = document.createElement("th");
      cell.textContent = text;
      return cell;
    }));
    const body = table.createTBody();
    for (const row of rows) {
      const line = body.insertRow();
      for (const text of row) line.insertCell().textContent = text;
    }
    const frame = document.createElement("div");
    frame.className = "table";
    frame.append(table);
    document.querySelector("main").append(frame);
  };

  const redraw = () => {
    fit();
    drawMarks();
    drawLines();
  };
  const settings = () => {
    element("least-said").textContent = least().toFixed(2);
    paintLayers();
    redraw();
  };
  let painting = 0;
  // Of what covers the whole photo only one can be seen.
  const COVERS = ["warp", "flow", "trust"];
  element("controls").addEventListener("input", ({ target }) => {
    if (COVERS.includes(target.id)) COVERS.forEach((id) => { element(id).checked &&= id === target.id; });
    // Once for all that has happened since.
    clearTimeout(painting);
    painting = setTimeout(settings);
  });
  element("controls").addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("resize", redraw);

  element("least").value = pair.threshold;
  if (pair.keypoints) keypointTable();
  Promise.all([unpack(), views.source.image.decode(), views.target.image.decode()]).then(() => {
    settings();
    if (pair.start) {
      const { u, v } = unit("source", pair.start);
      point("source", u, v);
    }
    document.documentElement.dataset.ready = "";
  });
})();
