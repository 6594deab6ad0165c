// What all views share: elements, controls, state, and finding data in the page.
// The same text runs as a classic script in the built book and inside a widget.
(function (root) {
  if (root.insideGPT) return;
  // A drawer builds controls on a stage and gives back a function that draws the state;
  // drawer.start(data) says in which state a view begins.
  const drawers = {};
  let count = 0;

  // h("button", {class: "x", onclick: f}, "text", child, ...)
  const SVG = new Set(["svg", "line", "circle", "path", "polyline", "text", "tspan", "g", "rect"]);
  function h(tag, props = {}, ...children) {
    const node = SVG.has(tag)
      ? document.createElementNS("http://www.w3.org/2000/svg", tag)
      : document.createElement(tag);
    for (const [key, value] of Object.entries(props)) {
      if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (value !== undefined && value !== false) node.setAttribute(key, value);
    }
    node.append(...children.flat().filter((child) => child !== null));
    return node;
  }

  // A slider with its name before it and its value, in words, after it.
  function slider({ label, min, max, step = 1, value = min, say = String, change }) {
    const id = `ig-${++count}`;
    const output = h("output", { for: id });
    const input = h("input", { type: "range", id, min, max, step, value,
      oninput: () => { tell(); change(Number(input.value)); } });
    function tell() {
      output.textContent = say(Number(input.value));
      input.setAttribute("aria-valuetext", output.textContent);
    }
    const row = h("div", { class: "ig-slider" }, h("label", { for: id }, label), input, output);
    row.show = (v) => { input.value = v; tell(); }; // without a change
    tell();
    return row;
  }

  // A group of buttons of which one is pressed, or none.
  function choices({ label, options, value = 0, change }) {
    const buttons = options.map((name, i) =>
      h("button", { type: "button", onclick: () => { row.show(i); change(i); } }, name));
    const row = h("div", { class: "ig-choices", role: "group", "aria-label": label }, buttons);
    row.show = (i) => buttons.forEach((b, j) => b.setAttribute("aria-pressed", String(i === j)));
    row.show(value);
    return row;
  }

  const button = (label, onclick) => h("button", { type: "button", onclick }, label);

  // Rows of [name, share, note]: a bar each, its length the share of the largest.
  function bars(rows, { colour = "token", largest = Math.max(...rows.map((r) => r[1])) } = {}) {
    return h("table", { class: `ig-bars ig-${colour}` }, h("tbody", {}, rows.map(([name, share, note]) =>
      h("tr", {}, h("th", { scope: "row" }, visible(name)),
        h("td", { class: "ig-bar" }, h("span", { style: `width:${(100 * share) / largest}%` })),
        h("td", { class: "ig-number" }, note ?? percent(share))))));
  }

  const percent = (p) => (p >= 0.0995 ? `${Math.round(100 * p)} %` : `${(100 * p).toFixed(1)} %`);
  // White space that can be seen: a token is often a space and a word.
  const visible = (text) => text.replaceAll(" ", "\u2423").replaceAll("\n", "\u21b5").replaceAll("\t", "\u21e5");

  // The part of the address that keeps what readers set: #~attention,layer=23,head=4
  const states = () => location.hash.startsWith("#~") ? decodeURIComponent(location.hash.slice(2)).split(";") : [];
  function stored(name) {
    const mine = states().find((text) => text.split(",")[0] === name);
    return mine ? Object.fromEntries(mine.split(",").slice(1).map((pair) => {
      const [key, value] = pair.split("=");
      return [key, value !== "" && isFinite(value) ? Number(value) : value];
    })) : null;
  }
  function store(name, state, start) {
    const others = states().filter((text) => text.split(",")[0] !== name);
    const changed = Object.entries(state).filter(([key, value]) =>
      value !== start[key] && /^[\w.\- ]*$/.test(String(value)));
    const mine = changed.length ? [[name, ...changed.map((pair) => pair.join("="))].join(",")] : [];
    const all = [...others, ...mine].join(";");
    try { history.replaceState(null, "", all ? `#~${all}` : location.pathname + location.search); } catch { /* a page that may not */ }
  }

  // extra: what a live kernel sends along and a page would load as a file.
  function mount(figure, kind, data, { extra = null, name = null } = {}) {
    const stage = figure.querySelector(".ig-stage");
    stage.replaceChildren();
    const drawer = drawers[kind];
    const start = drawer.start?.(data) ?? {};
    const kept = name && stored(name);
    const state = { ...start };
    for (const key of Object.keys(start)) // nothing that a view does not have
      if (kept && typeof kept[key] === typeof start[key]) state[key] = kept[key];
    const change = (part) => {
      Object.assign(state, part);
      draw();
      if (name) store(name, state, start);
    };
    let draw = drawer(stage, data, { state, change, extra, figure });
    try { draw(); } catch { Object.assign(state, start); draw(); } // an address of no use
    const head = figure.querySelector(".ig-head");
    if (head && Object.keys(start).length)
      head.append(h("button", { type: "button", class: "ig-reset", onclick: () => change({ ...start }) }, "Reset"));
    figure.dataset.ready = "yes";
    if (kept) figure.scrollIntoView();
  }

  function hydrate() {
    const seen = {};
    for (const figure of document.querySelectorAll("figure[data-view]:not([data-ready])")) {
      const kind = figure.dataset.view;
      seen[kind] = (seen[kind] ?? 0) + 1;
      const data = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
      const name = kind === "predict" ? null : kind + (seen[kind] > 1 ? seen[kind] : "");
      mount(figure, kind, data, { name });
    }
  }

  root.insideGPT = { drawers, h, slider, choices, button, bars, percent, visible, mount, hydrate };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", hydrate);
  else setTimeout(hydrate);
})(globalThis);
