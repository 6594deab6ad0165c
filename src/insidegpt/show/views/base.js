// What all views share: building elements, controls, and finding data in the page.
// The same text runs as a classic script in the built book and inside a widget.
(function (root) {
  if (root.insideGPT) return;
  const drawers = {};
  let count = 0;

  // h("button", {class: "x", onclick: f}, "text", child, ...)
  function h(tag, props = {}, ...children) {
    const svg = ["svg", "line", "circle", "path", "text", "g", "rect"].includes(tag);
    const node = svg
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
  function slider({ label, min, max, step = 1, value, say = String, change }) {
    const id = `ig-${++count}`;
    const output = h("output", { for: id }, say(value));
    const input = h("input", {
      type: "range", id, min, max, step, value, "aria-valuetext": say(value),
      oninput: () => {
        output.textContent = say(Number(input.value));
        input.setAttribute("aria-valuetext", output.textContent);
        change(Number(input.value));
      },
    });
    const row = h("div", { class: "ig-slider" }, h("label", { for: id }, label), input, output);
    row.set = (v) => { input.value = v; input.dispatchEvent(new Event("input")); };
    return row;
  }

  // A group of buttons of which one is pressed.
  function choices({ label, options, value = 0, change }) {
    const buttons = options.map((name, i) =>
      h("button", { type: "button", "aria-pressed": String(i === value),
        onclick: () => { press(i); change(i); } }, name));
    function press(i) {
      buttons.forEach((b, j) => b.setAttribute("aria-pressed", String(i === j)));
    }
    const row = h("div", { class: "ig-choices", role: "group", "aria-label": label }, buttons);
    row.press = press;
    return row;
  }

  function select({ label, options, change }) {
    const id = `ig-${++count}`;
    const box = h("select", { id, onchange: () => change(box.selectedIndex) },
      options.map((name) => h("option", {}, name)));
    return h("div", { class: "ig-select" }, h("label", { for: id }, label), box);
  }

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

  // ask: only with a live kernel, sends a text to Python and gets new data.
  function mount(figure, kind, data, ask = null) {
    const stage = figure.querySelector(".ig-stage");
    stage.replaceChildren();
    drawers[kind](stage, data, ask);
    figure.dataset.ready = "yes";
  }

  function hydrate() {
    for (const figure of document.querySelectorAll("figure[data-view]:not([data-ready])")) {
      const data = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
      mount(figure, figure.dataset.view, data);
    }
  }

  root.insideGPT = { drawers, h, slider, choices, select, bars, percent, visible, mount, hydrate };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", hydrate);
  else setTimeout(hydrate);
})(globalThis);
