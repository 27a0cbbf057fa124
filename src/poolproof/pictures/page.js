"use strict";
(() => {
  const SVG = document.getElementById("picture").namespaceURI;
  const BATCH = window.innerWidth > 600 ? 200 : 25;
  const NAME = 11.5;
  const LONGEST = 32;
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const picture = byId("picture");
  const world = picture.querySelector(".world");
  const lit = byId("lit");
  const labels = byId("bounds");
  const hint = byId("hint");
  const nodes = [...world.querySelectorAll(".nodes > g")];
  const cards = [...world.querySelector(".cards").children];
  const afar = [...world.querySelector(".afar").children];
  const heads = new Map();
  data.nodes.forEach((node, number) => { if (node.kind === "pool") heads.set(node.card, nodes[number]); });
  const channels = [];
  for (const group of world.querySelectorAll("[data-channel]")) channels[group.dataset.channel] = group;

  // A text, and never markup: names come from files that anybody may have written.
  const element = (tag, text) => {
    const made = document.createElement(tag);
    made.textContent = text;
    return made;
  };

  // ---- zoom and pan
  const box = picture.viewBox.baseVal;
  const full = { width: box.width, height: box.height };
  const view = { scale: 1, x: 0, y: 0 };

  const show = () => {
    world.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.scale})`);
    picture.classList.toggle("far", view.scale * NAME < 7);
    labels.setAttribute("font-size", Math.min(22, Math.max(12, 9 / view.scale)));
  };
  const measure = () => {
    const { clientWidth: width, clientHeight: height } = picture;
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    return { width, height };
  };
  const fit = (least) => {
    const { width, height } = measure();
    view.scale = Math.max(least, Math.min(2, (width - 24) / full.width, (height - 36) / full.height));
    view.x = (width - full.width * view.scale) / 2;
    view.y = (height - full.height * view.scale) / 2 + 6;
    show();
  };
  const whole = () => fit(0);
  // On a small screen, the middle of a large picture says more than a whole that nobody can read.
  const start = () => fit(0.25);
  const zoom = (factor, x, y) => {
    const scale = Math.min(8, Math.max(0.02, view.scale * factor));
    view.x = x - ((x - view.x) * scale) / view.scale;
    view.y = y - ((y - view.y) * scale) / view.scale;
    view.scale = scale;
    show();
  };
  const zoomMiddle = (factor) => zoom(factor, picture.clientWidth / 2, picture.clientHeight / 2);
  const move = (x, y) => {
    view.x += x;
    view.y += y;
    show();
  };
  const at = (event) => {
    const frame = picture.getBoundingClientRect();
    return { x: event.clientX - frame.left, y: event.clientY - frame.top };
  };

  const fingers = new Map();
  let moved = 0;
  picture.addEventListener("pointerdown", (event) => {
    if (fingers.size === 0) moved = 0;
    fingers.set(event.pointerId, at(event));
  });
  picture.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    const now = at(event);
    if (!before) return point(event, now);
    moved += Math.hypot(now.x - before.x, now.y - before.y);
    if (moved > 5 && !picture.hasPointerCapture(event.pointerId)) {
      picture.setPointerCapture(event.pointerId);
      picture.classList.add("moving");
      hint.hidden = true;
    }
    if (fingers.size === 1 && moved > 5) move(now.x - before.x, now.y - before.y);
    if (fingers.size === 2) {
      const [other] = [...fingers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
      const apart = (place) => Math.max(1, Math.hypot(place.x - other.x, place.y - other.y));
      zoom(apart(now) / apart(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
      move((now.x - before.x) / 2, (now.y - before.y) / 2);
    }
    fingers.set(event.pointerId, now);
    return undefined;
  });
  const lift = (event) => {
    fingers.delete(event.pointerId);
    if (fingers.size === 0) picture.classList.remove("moving");
  };
  picture.addEventListener("pointerup", lift);
  picture.addEventListener("pointercancel", lift);
  picture.addEventListener("pointerleave", () => { hint.hidden = true; });
  picture.addEventListener("wheel", (event) => {
    event.preventDefault();
    const { x, y } = at(event);
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), x, y);
  }, { passive: false });
  byId("closer").addEventListener("click", () => zoomMiddle(1.4));
  byId("farther").addEventListener("click", () => zoomMiddle(1 / 1.4));
  byId("whole").addEventListener("click", whole);
  window.addEventListener("resize", start);

  // ---- details of what the pointer or the keyboard is on
  const tell = (text, { x, y }) => {
    hint.textContent = text;
    hint.hidden = false;
    hint.style.left = `${Math.max(4, Math.min(x + 14, picture.clientWidth - hint.offsetWidth - 6))}px`;
    hint.style.top = `${Math.max(4, y + 18 + hint.offsetHeight > picture.clientHeight ? y - hint.offsetHeight - 10 : y + 18)}px`;
  };
  const aboutNode = (number) => {
    const { id, kind, pool } = data.nodes[number];
    const paths = data.paths.filter((path) => path.from === number).length;
    const losses = data.losses.filter((loss) => loss.from === number).length;
    return `${id}\n${kind}${pool && pool !== id ? ` of ${pool}` : ""}\nits failure: paths ${paths}, losses ${losses}`;
  };
  const aboutChannel = (number) => {
    const { from, to, kind, carries, capacity, theorem, reason } = data.channels[number];
    const ends = `${data.nodes[from].id} → ${data.nodes[to].id}`;
    const words = [kind, carries && `carries ${carries}`, capacity, theorem.length && `by ${theorem.join(", ")}`, reason];
    return [ends, ...words.filter(Boolean)].join("\n");
  };
  const under = (event, reach) => {
    for (const [x, y] of [[0, 0], [reach, 0], [-reach, 0], [0, reach], [0, -reach]]) {
      const found = document.elementFromPoint(event.clientX + x, event.clientY + y);
      const group = found && picture.contains(found) ? found.closest("[data-node], [data-channel]") : null;
      if (group) return group;
    }
    return null;
  };
  const point = (event, place) => {
    const group = under(event, 4);
    if (!group) hint.hidden = true;
    else if (group.dataset.node) tell(aboutNode(Number(group.dataset.node)), place);
    else tell(aboutChannel(Number(group.dataset.channel)), place);
  };

  // ---- a failure: its paths, their bounds, its losses
  let chosen = null;
  const clear = () => {
    for (const group of world.querySelectorAll(".on, .failed, .failing")) group.classList.remove("on", "failed", "failing");
    lit.replaceChildren();
    labels.replaceChildren();
  };
  const label = (card, bounds) => {
    const [x, y, width] = data.cards[card];
    const text = document.createElementNS(SVG, "text");
    const different = [...new Set(bounds)];
    const lines = different.length > 2 ? [different[0], `and ${different.length - 1} other bounds`] : different;
    text.setAttribute("class", "bound");
    text.setAttribute("y", y - 5);
    text.setAttribute("text-anchor", "middle");
    lines.forEach((line, place) => {
      const part = document.createElementNS(SVG, "tspan");
      part.textContent = line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line;
      part.setAttribute("x", x + width / 2);
      part.setAttribute("dy", place ? "1.1em" : `${-1.1 * (lines.length - 1)}em`);
      text.append(part);
    });
    labels.append(text);
  };
  const raise = (number) => {
    const { card } = data.nodes[number];
    for (const group of [nodes[number], cards[card], afar[card], heads.get(card)]) if (group) group.classList.add("on");
  };
  const light = (number) => {
    raise(number);
    nodes[number].classList.add("failed");
    cards[data.nodes[number].card].classList.add("failing");
    const used = new Set();
    const bounds = new Map();
    for (const path of data.paths) {
      if (path.from !== number) continue;
      for (const channel of path.via) used.add(channel);
      const card = data.nodes[path.to].card;
      bounds.set(card, [...(bounds.get(card) || []), path.bound]);
    }
    for (const channel of used) {
      raise(data.channels[channel].from);
      raise(data.channels[channel].to);
      channels[channel].classList.add("on");
      const copy = channels[channel].cloneNode(true);
      copy.removeAttribute("data-channel");
      lit.append(copy);
    }
    for (const [card, texts] of bounds) label(card, texts);
  };
  const ways = byId("ways");
  const listWays = () => {
    const mine = chosen === null ? [] : data.paths.filter((path) => path.from === chosen);
    ways.hidden = mine.length === 0;
    ways.firstElementChild.textContent = mine.length === 1 ? "1 path" : `${mine.length} paths`;
    ways.lastElementChild.replaceChildren(...mine.slice(0, BATCH).map((path) => {
      const stops = [path.from, ...path.via.map((channel) => data.channels[channel].to)];
      return element("li", `${stops.map((stop) => data.nodes[stop].id).join(" → ")}: ${path.bound}`);
    }));
    if (mine.length > BATCH) ways.lastElementChild.append(element("li", `${mine.length - BATCH} more, lit in the picture`));
    for (const limit of data.limits.filter((one) => one.from === chosen && mine.length)) ways.lastElementChild.append(element("li", `left out: ${limit.told}`));
  };
  const choose = (number) => {
    chosen = number;
    clear();
    nodes.forEach((group, index) => group.setAttribute("aria-pressed", String(index === chosen)));
    picture.classList.toggle("chosen", chosen !== null);
    if (chosen !== null) {
      light(chosen);
      stand(chosen);
    }
    byId("source").value = chosen === null ? "" : String(chosen);
    listWays();
    fill();
  };

  // ---- the table
  const body = document.querySelector(".losses tbody");
  const columns = [...document.querySelectorAll(".losses th")];
  const names = columns.map((head) => head.dataset.key);
  const titles = columns.map((head) => head.textContent);
  const sorting = { column: null, down: false };
  let shown = BATCH;
  const rank = (loss, column) => {
    const amount = { upper: 0, lower: 1 }[column];
    if (amount === undefined) return loss[column];
    return loss.order[amount] === null ? Infinity : loss.order[amount];
  };
  const compare = (a, b) => (typeof a === "number" ? (a > b) - (a < b) : a.localeCompare(b, "en", { numeric: true }));
  const row = (loss) => {
    const line = document.createElement("tr");
    for (const [place, name] of names.entries()) {
      const cell = element("td", loss[name]);
      cell.dataset.key = name;
      cell.dataset.label = titles[place];
      if (name === "kind" && loss.direct) cell.append(element("small", "the line alone"));
      if (name === "upper" && loss.exact[0] !== null) cell.title = `exactly ${loss.exact[0]} in the smallest unit`;
      if (name === "lower") cell.title = `exactly ${loss.exact[1]} in the smallest unit`;
      if (name === "lower" && loss.run !== null) {
        const details = document.createElement("details");
        details.append(element("summary", "run"));
        details.addEventListener("toggle", () => {
          if (details.children.length === 1) details.append(element("pre", JSON.stringify(loss.run, null, 1)));
        }, { once: true });
        cell.append(details);
      }
      line.append(cell);
    }
    return [line, note(loss)];
  };
  // Why, for how long, and why a run shows less: below the row that it is of.
  const note = (loss) => {
    const line = document.createElement("tr");
    line.className = "note";
    const cell = document.createElement("td");
    cell.colSpan = names.length;
    const words = { "at most": [loss.reason, loss.theorem && `by ${loss.theorem}`], for: [loss.horizon], "no run comes closer": [loss.gap] };
    for (const [what, parts] of Object.entries(words)) {
      const told = parts.filter(Boolean).join(", ");
      if (told) cell.append(element("div", `${what}: ${told}`));
    }
    line.append(cell);
    return line;
  };
  // What a pool does to others first, then feeds, then what it does to itself; last where nothing is lost.
  const concern = (loss) => (loss.exact[0] === "0" ? 3 : loss.source === loss.pool ? 2 : loss.source.includes(":") ? 1 : 0);
  const timed = [...document.querySelectorAll("tr[data-from]")];
  function fill() {
    for (const line of timed) line.hidden = chosen !== null && Number(line.dataset.from) !== chosen;
    const rows = data.losses.filter((loss) => chosen === null || loss.from === chosen);
    const { column, down } = sorting;
    rows.sort((a, b) => concern(a) - concern(b));
    if (column) rows.sort((a, b) => compare(rank(a, column), rank(b, column)) * (down ? -1 : 1));
    body.replaceChildren(...rows.slice(0, shown).flatMap(row));
    byId("heading").textContent = chosen === null ? "All losses" : `If ${data.nodes[chosen].id} fails`;
    byId("counted").textContent = rows.length > shown ? `${shown} of ${rows.length} losses` : `${rows.length} ${rows.length === 1 ? "loss" : "losses"}`;
    byId("more").hidden = rows.length <= shown;
  }
  columns.forEach((head, index) => head.firstElementChild.addEventListener("click", () => {
    sorting.down = sorting.column === names[index] && !sorting.down;
    sorting.column = names[index];
    for (const other of columns) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", sorting.down ? "descending" : "ascending");
    fill();
  }));
  byId("more").addEventListener("click", () => {
    shown += BATCH;
    fill();
  });

  // ---- choosing: pointer, keyboard, list
  picture.addEventListener("click", (event) => {
    if (moved > 5) return;
    hint.hidden = true;
    const group = under(event, 0);
    if (group && group.dataset.node) choose(Number(group.dataset.node) === chosen ? null : Number(group.dataset.node));
    else if (!group) choose(null);
  });
  const middles = nodes.map((group) => {
    const area = group.querySelector(".area");
    const number = (name) => Number(area.getAttribute(name));
    return { x: number("x") + 10, y: number("y") + number("height") / 2 };
  });
  let standing = 0;
  function stand(number) {
    nodes[standing].setAttribute("tabindex", "-1");
    standing = number;
    nodes[standing].setAttribute("tabindex", "0");
  }
  const step = (right, down) => {
    const here = middles[standing];
    let best = null;
    let least = Infinity;
    middles.forEach((there, number) => {
      const along = (there.x - here.x) * right + (there.y - here.y) * down;
      const aside = Math.abs((there.x - here.x) * down + (there.y - here.y) * right);
      const distance = along + 2.5 * aside;
      if (along > 1 && distance < least) [best, least] = [number, distance];
    });
    return best;
  };
  const focus = (number) => {
    stand(number);
    nodes[number].focus({ preventScroll: true });
    const x = middles[number].x * view.scale + view.x;
    const y = middles[number].y * view.scale + view.y;
    const { clientWidth: width, clientHeight: height } = picture;
    if (x < 40 || y < 30 || x > width - 120 || y > height - 30) move(width / 2 - x, height / 2 - y);
    tell(aboutNode(number), { x: middles[number].x * view.scale + view.x, y: middles[number].y * view.scale + view.y });
  };
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  picture.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    const on = event.target.closest("[data-node]");
    if (arrow && event.shiftKey) move(-60 * arrow[0], -60 * arrow[1]);
    else if (arrow) focus((on ? step(...arrow) : standing) ?? standing);
    else if ((event.key === "Enter" || event.key === " ") && on) choose(Number(on.dataset.node));
    else if (event.key === "Escape") choose(null);
    else if (event.key === "+" || event.key === "=") zoomMiddle(1.3);
    else if (event.key === "-") zoomMiddle(1 / 1.3);
    else if (event.key === "0") whole();
    else return;
    event.preventDefault();
  });
  picture.addEventListener("focusout", () => { hint.hidden = true; });
  const select = byId("source");
  data.nodes
    .map((node, number) => ({ text: `${node.id} (${node.kind})`, number }))
    .sort((a, b) => compare(a.text, b.text))
    .forEach(({ text, number }) => {
      const option = element("option", text);
      option.value = String(number);
      select.append(option);
    });
  select.addEventListener("change", () => choose(select.value === "" ? null : Number(select.value)));

  // ---- paper gets the whole picture
  window.addEventListener("beforeprint", () => {
    picture.setAttribute("viewBox", `-4 -20 ${full.width + 8} ${full.height + 24}`);
    world.removeAttribute("transform");
    picture.classList.remove("far");
  });
  window.addEventListener("afterprint", start);

  if (nodes.length) stand(0);
  start();
  fill();
  requestAnimationFrame(() => picture.classList.add("ready"));
})();
