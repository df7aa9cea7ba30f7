"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const element = (id) => document.getElementById(id);
  const chosen = (id) => element(id)?.value ?? "";
  const SVG = document.querySelector("svg").namespaceURI;
  const KINDS = ["viewpoint", "scale", "truncation", "occlusion"];

  const make = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const draw = (name, attributes = {}, ...children) => {
    const drawn = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) drawn.setAttribute(key, value);
    drawn.append(...children);
    return drawn;
  };

  // --- Numbers ----------------------------------------------------------------------------------------------

  const one = () => Number(chosen("one"));
  const other = () => (chosen("other") === "" ? null : Number(chosen("other")));
  const alpha = () => Number(data.alphas[Number(chosen("alpha"))]);
  const part = () => (chosen("part") === "" ? null : Number(chosen("part")));

  // The keypoints of a pair that count: all, or those of the chosen part.
  const counted = (pair) => {
    const wanted = part();
    const all = pair.source.map((_, keypoint) => keypoint);
    return wanted === null ? all : all.filter((keypoint) => pair.parts?.[keypoint] === wanted);
  };
  const isRight = (pair, system, keypoint) => {
    const error = pair.errors[system][keypoint];
    return error !== null && error <= alpha();
  };
  const right = (pair, system) => counted(pair).filter((keypoint) => isRight(pair, system, keypoint)).length;
  const share = (pair, system) => right(pair, system) / Math.max(1, counted(pair).length);
  // How far off in the mean, what was not found as far as it can be.
  const distance = (pair, system) => {
    const errors = counted(pair).map((keypoint) => pair.errors[system][keypoint] ?? 10);
    return errors.reduce((sum, error) => sum + error, 0) / Math.max(1, errors.length);
  };
  const changes = (pair) => {
    if (other() === null) return { gained: 0, lost: 0 };
    const both = counted(pair).map((keypoint) => [isRight(pair, one(), keypoint), isRight(pair, other(), keypoint)]);
    return {
      gained: both.filter(([before, after]) => after && !before).length,
      lost: both.filter(([before, after]) => before && !after).length,
    };
  };
  const net = (pair) => {
    const { gained, lost } = changes(pair);
    return gained - lost;
  };
  const percent = (pair, system) => `${Math.round(100 * share(pair, system))} %`;
  const name = (pair, keypoint) => {
    const known = pair.parts?.[keypoint];
    return known === undefined ? `keypoint ${keypoint + 1}` : data.parts[known];
  };
  const title = (pair) => pair.photos.map((photo) => data.photos[photo].name).join(" → ");

  // --- Which pairs, in which order --------------------------------------------------------------------------

  const FITS = {
    "": () => true,
    lost: (pair) => changes(pair).lost > 0,
    gained: (pair) => changes(pair).gained > 0,
    none: (pair) => right(pair, one()) === 0,
    all: (pair) => right(pair, one()) === counted(pair).length,
  };
  const worst = (a, b) => share(a, one()) - share(b, one()) || distance(b, one()) - distance(a, one());
  const ORDERS = {
    worst,
    best: (a, b) => worst(b, a),
    lost: (a, b) => net(a) - net(b) || worst(a, b),
    gained: (a, b) => net(b) - net(a) || worst(a, b),
    list: (a, b) => a.index - b.index,
  };
  const selected = () => {
    const text = chosen("find").trim().toLowerCase();
    const category = chosen("category");
    const fits = (pair) =>
      counted(pair).length > 0 &&
      (category === "" || pair.category === Number(category)) &&
      KINDS.every((kind, place) => chosen(kind) === "" || pair.difficulty?.[place] === Number(chosen(kind))) &&
      (!text || title(pair).toLowerCase().includes(text)) &&
      FITS[chosen("show")](pair);
    return data.pairs.filter(fits).sort(ORDERS[chosen("order")]);
  };

  // --- A photo with what is drawn on it ---------------------------------------------------------------------

  const mark = (x, y, good, unit) => good
    ? [draw("circle", { class: "right", cx: x, cy: y, r: 4 * unit, "stroke-width": 1.4 })]
    : [draw("g", { transform: `translate(${x} ${y}) scale(${unit})` },
      draw("path", { class: "halo", d: "M-4 -4L4 4M-4 4L4 -4" }), draw("path", { class: "wrong", d: "M-4 -4L4 4M-4 4L4 -4" }))];

  // `system` predicted what is drawn on the target; without one it is the source, whose marks are those of `judge`.
  const shot = (pair, system, judge, numbered) => {
    // Marks keep their size on the screen, whatever the photo's: a card is smaller than a pair that is large.
    const photo = data.photos[pair.photos[system === null ? 0 : 1]];
    if (!photo.picture) return make("p", { class: "missing" }, photo.trouble);
    const { width, height } = photo;
    const unit = Math.max(width, height) / (numbered ? 360 : 240);
    const label = `${system === null ? "Source" : `Target, by ${data.systems[system]}`}: ${photo.name}`;
    const svg = draw("svg", { class: "shot", viewBox: `-0.5 -0.5 ${width} ${height}`, role: "img", "aria-label": label });
    svg.style.aspectRatio = `${width} / ${height}`;
    svg.style.flexGrow = width / height;
    svg.append(draw("image", { x: -0.5, y: -0.5, width, height, href: photo.picture, preserveAspectRatio: "none" }));
    for (const keypoint of counted(pair)) {
      const group = draw("g", { class: "point", "data-keypoint": keypoint });
      const good = isRight(pair, judge, keypoint);
      let place = pair.source[keypoint];
      if (system === null) {
        group.append(...mark(...place, good, unit));
      } else {
        const [x, y] = pair.target[keypoint];
        const found = pair.predicted[system][keypoint];
        const [rx, ry] = pair.reach.map((length) => length * alpha());
        group.append(draw("ellipse", { class: "limit", cx: x, cy: y, rx, ry }));
        if (found) group.append(draw("line", { class: `way ${good ? "yes" : "no"}`, x1: x, y1: y, x2: found[0], y2: found[1] }));
        group.append(draw("circle", { class: "ring", cx: x, cy: y, r: 5.5 * unit }));
        if (found) group.append(...mark(...found, good, unit));
        place = found ?? [x, y];
      }
      // A finger needs more room than a mark has.
      group.append(draw("circle", { cx: place[0], cy: place[1], r: 11 * unit, fill: "transparent" }));
      if (numbered) {
        const number = draw("text", { class: "number", transform: `translate(${place[0] + 6 * unit} ${place[1] - 5 * unit}) scale(${unit})` });
        number.textContent = keypoint + 1;
        group.append(number);
      }
      svg.append(group);
    }
    return svg;
  };
  // Whose answers the marks on the source are about.
  const judge = () => other() ?? one();
  const shots = (pair, numbered) => {
    const systems = other() === null ? [one()] : [one(), other()];
    return [shot(pair, null, judge(), numbered), ...systems.map((system) => shot(pair, system, system, numbered))];
  };

  // --- The list ---------------------------------------------------------------------------------------------

  const AT_ONCE = 24;
  let list = [];
  let shown = 0;

  const card = (pair, place) => {
    const picture = make("div", { class: "shots" }, ...shots(pair, false));
    const score = other() === null ? percent(pair, one()) : `${percent(pair, one())} → ${percent(pair, other())}`;
    const { gained, lost } = changes(pair);
    const change = gained || lost ? `; ${gained} gained, ${lost} lost` : "";
    const caption = make("button", { class: "caption", type: "button" }, make("b", {}, score),
      ` ${data.categories[pair.category]}, ${counted(pair).length} keypoints${change}`, make("span", { class: "names" }, title(pair)));
    caption.addEventListener("click", () => open(place));
    picture.addEventListener("click", () => open(place));
    return make("article", { class: "card" }, picture, caption);
  };
  const further = () => {
    const next = list.slice(shown, shown + AT_ONCE);
    element("pairs").append(...next.map((pair, place) => card(pair, shown + place)));
    shown += next.length;
  };
  const visible = () => element("more").getBoundingClientRect().top < innerHeight + 600;
  const fill = () => {
    while (shown < list.length && visible()) further();
  };
  const show = () => {
    for (const order of ["lost", "gained"]) {
      for (const option of document.querySelectorAll(`option[value=${order}]`)) option.disabled = other() === null;
    }
    for (const id of ["order", "show"]) {
      if (element(id).selectedOptions[0].disabled) element(id).selectedIndex = 0;
    }
    list = selected();
    shown = 0;
    element("pairs").replaceChildren();
    element("pairs").classList.toggle("two", other() !== null);
    const keypoints = list.reduce((sum, pair) => sum + counted(pair).length, 0);
    const systems = other() === null ? [one()] : [one(), other()];
    const score = (system) => {
      const found = list.reduce((sum, pair) => sum + right(pair, system), 0);
      return `${data.systems[system]} ${(100 * found / Math.max(1, keypoints)).toFixed(1)} %`;
    };
    element("count").textContent = list.length
      ? `${list.length} of ${data.pairs.length} pairs, ${keypoints} keypoints; right, all keypoints counted alike: ${systems.map(score).join(", ")}`
      : "No pair is like that.";
    element("judge").textContent = `on the source: right and wrong answers of ${data.systems[judge()]}`;
    further();
    fill();
  };

  // --- A pair, large ----------------------------------------------------------------------------------------

  const large = element("large");
  let current = 0;
  let held = null;

  const light = (keypoint) => {
    large.classList.toggle("dim", keypoint !== null);
    for (const item of large.querySelectorAll("[data-keypoint]")) {
      item.classList.toggle("lit", keypoint !== null && Number(item.dataset.keypoint) === keypoint);
    }
    const pair = list[current];
    const say = (system) => {
      const error = pair.errors[system][keypoint];
      const far = error === null ? "not found" : `off by ${error.toFixed(3)} of the length, ${alpha()} allowed`;
      return `${data.systems[system]}: ${isRight(pair, system, keypoint) ? "right" : "wrong"}, ${far}`;
    };
    const systems = other() === null ? [one()] : [one(), other()];
    element("said").textContent = keypoint === null ? ""
      : `${keypoint + 1}. ${name(pair, keypoint)}. ${systems.map(say).join("; ")}.`;
  };
  const hold = (keypoint) => {
    held = held === keypoint ? null : keypoint;
    light(held);
  };
  const keypointOf = (target) => {
    const item = target.closest?.("[data-keypoint]");
    return item ? Number(item.dataset.keypoint) : null;
  };

  // The part of a photo that is seen; targets of two systems are the same photo and move together.
  const zoomable = (svg, together) => {
    const [left, top, width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
    const whole = { left, top, width, height };
    let seen = { ...whole };
    const fingers = new Map();
    let moved = 0;
    const apply = (next) => {
      const scale = Math.min(1, Math.max(1 / 16, next.width / whole.width));
      seen = { width: whole.width * scale, height: whole.height * scale };
      seen.left = Math.min(Math.max(next.left, left), left + width - seen.width);
      seen.top = Math.min(Math.max(next.top, top), top + height - seen.height);
      for (const one of together) one.setAttribute("viewBox", `${seen.left} ${seen.top} ${seen.width} ${seen.height}`);
      for (const one of together) {
        for (const number of one.querySelectorAll(".number")) {
          number.style.fontSize = `${12 * Math.max(0.35, scale)}px`;
          number.style.strokeWidth = `${3 * Math.max(0.35, scale)}px`;
        }
      }
    };
    const read = () => {
      const [l, t, w, h] = svg.getAttribute("viewBox").split(" ").map(Number);
      seen = { left: l, top: t, width: w, height: h };
    };
    const at = ({ clientX, clientY }) => {
      const box = svg.getBoundingClientRect();
      return [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
    };
    const zoom = (factor, [u, v]) => {
      const [w, h] = [seen.width / factor, seen.height / factor];
      apply({ left: seen.left + u * (seen.width - w), top: seen.top + v * (seen.height - h), width: w, height: h });
    };
    svg.addEventListener("wheel", (event) => {
      event.preventDefault();
      read();
      zoom(Math.exp(-event.deltaY / 400), at(event));
    }, { passive: false });
    svg.addEventListener("dblclick", () => apply(whole));
    svg.addEventListener("pointerdown", (event) => {
      fingers.set(event.pointerId, at(event));
      moved = 0;
      read();
    });
    svg.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) {
        if (held === null && event.pointerType === "mouse") light(keypointOf(event.target));
        return;
      }
      const now = at(event);
      const [du, dv] = [now[0] - before[0], now[1] - before[1]];
      moved += Math.hypot(du, dv);
      if (moved > 0.01 && !svg.hasPointerCapture(event.pointerId)) svg.setPointerCapture(event.pointerId);
      const rest = [...fingers].filter(([finger]) => finger !== event.pointerId).map(([, place]) => place)[0];
      if (rest) {
        const gap = (place) => Math.max(0.02, Math.hypot(place[0] - rest[0], place[1] - rest[1]));
        zoom(gap(now) / gap(before), rest);
      } else {
        apply({ ...seen, left: seen.left - du * seen.width, top: seen.top - dv * seen.height });
      }
      fingers.set(event.pointerId, now);
    });
    for (const end of ["pointerup", "pointercancel"]) {
      svg.addEventListener(end, (event) => fingers.delete(event.pointerId));
    }
    svg.addEventListener("click", (event) => {
      if (moved > 0.02) return;
      const keypoint = keypointOf(event.target);
      if (keypoint !== null || held !== null) hold(keypoint ?? held);
    });
    svg.addEventListener("pointerleave", () => held === null && light(null));
    return {
      closer: (factor) => {
        read();
        zoom(factor, [0.5, 0.5]);
      },
      whole: () => apply(whole),
    };
  };

  const table = (pair) => {
    const systems = other() === null ? [one()] : [one(), other()];
    const head = make("tr", {}, make("th", { scope: "col" }, "Keypoint"),
      ...systems.map((system) => make("th", { scope: "col" }, data.systems[system])));
    const rows = counted(pair).map((keypoint) => {
      const cells = systems.map((system) => {
        const error = pair.errors[system][keypoint];
        const good = isRight(pair, system, keypoint);
        return make("td", { class: good ? "good" : "bad" }, `${good ? "✓" : "✗"} ${error === null ? "not found" : error.toFixed(3)}`);
      });
      const row = make("tr", { "data-keypoint": keypoint, tabindex: 0 }, make("td", {}, `${keypoint + 1}. ${name(pair, keypoint)}`), ...cells);
      row.addEventListener("click", () => hold(keypoint));
      row.addEventListener("keydown", (event) => event.key === "Enter" && hold(keypoint));
      row.addEventListener("pointerenter", (event) => held === null && event.pointerType === "mouse" && light(keypoint));
      row.addEventListener("pointerleave", () => held === null && light(null));
      return row;
    });
    return make("table", { class: "keypoints" }, make("thead", {}, head), make("tbody", {}, ...rows));
  };
  const button = (text, label, act) => {
    const made = make("button", { type: "button", "aria-label": label, title: label }, text);
    made.addEventListener("click", act);
    return made;
  };
  const open = (place) => {
    current = place;
    held = null;
    const pair = list[place];
    const drawn = shots(pair, true);
    const systems = other() === null ? [one()] : [one(), other()];
    const words = ["Source", ...systems.map((system) => `Target, ${data.systems[system]}: ${percent(pair, system)} right`)];
    const panes = drawn.map((svg, number) => make("figure", { class: "pane" }, make("figcaption", {}, words[number]), svg));
    const [source, ...targets] = drawn.map((svg) => (svg.tagName === "svg" ? svg : null));
    const views = [];
    if (source) views.push(zoomable(source, [source]));
    const seen = targets.filter(Boolean);
    views.push(...seen.map((svg) => zoomable(svg, seen)));
    const each = (act) => () => views.slice(0, 2).forEach(act);
    const close = button("✕", "Close", () => large.close());
    close.autofocus = true;
    const bar = make("div", { class: "bar" },
      make("span", { class: "title" }, `${place + 1} of ${list.length}: ${data.categories[pair.category]}, ${title(pair)}`),
      button("−", "Zoom out", each((view) => view.closer(1 / 1.5))),
      button("+", "Zoom in", each((view) => view.closer(1.5))),
      button("1:1", "See the whole photos", each((view) => view.whole())),
      button("‹", "The pair before", () => step(-1)),
      button("›", "The next pair", () => step(1)),
      close);
    large.replaceChildren(bar, make("div", { class: "panes" }, ...panes), make("p", { id: "said", role: "status" }), table(pair));
    light(null);
    if (!large.open) large.showModal();
    large.scrollTop = 0;
  };
  const step = (by) => {
    const next = current + by;
    if (next >= 0 && next < list.length) open(next);
  };
  large.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) step(by);
  });

  // --- What is chosen ---------------------------------------------------------------------------------------

  element("alpha").value = String(data.alpha);
  if (element("other")) element("other").value = data.systems.length > 1 ? "1" : "";
  element("tools").addEventListener("submit", (event) => event.preventDefault());
  element("tools").addEventListener("change", show);
  element("find").addEventListener("input", show);
  addEventListener("scroll", fill, { passive: true });
  addEventListener("resize", fill);
  show();
  document.documentElement.dataset.ready = "";
})();
