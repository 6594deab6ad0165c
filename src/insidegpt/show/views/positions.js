// Rotary positions: a query and a key, each turned by its position, and the angle between.
insideGPT.drawers.positions = function (stage, data, { state, change }) {
  const { h, slider } = insideGPT;
  const svg = h("svg", { viewBox: "-110 -110 220 220", class: "ig-dial", role: "img", "aria-label": "Two arrows on a circle" });
  const say = h("p", { class: "ig-note", "aria-live": "polite" });
  const round = (x) => x.toFixed(2);

  function arrow(angle, kind, name) {
    const [x, y] = [92 * Math.cos(angle), -92 * Math.sin(angle)];
    return h("g", { class: `ig-arrow ig-${kind}` },
      h("line", { x1: 0, y1: 0, x2: x, y2: y }), h("circle", { cx: x, cy: y, r: 5 }),
      h("text", { x: x * 0.62, y: y * 0.62 - 6 }, name));
  }

  function draw() {
    query.show(state.t);
    key.show(state.s);
    pair.show(state.pair);
    const f = data.frequencies[state.pair];
    svg.replaceChildren(h("circle", { cx: 0, cy: 0, r: 92, class: "ig-rim" }),
      arrow(state.t * f, "query", "query"), arrow(state.s * f, "key", "key"));
    const turn = (2 * Math.PI) / f;
    say.textContent = `Pair ${state.pair} makes a full turn every ${turn < 100 ? turn.toFixed(1) : Math.round(turn).toLocaleString("en")} positions. ` +
      `Query at ${state.t}, key at ${state.s}: the angle between them is ${state.t - state.s} \u00d7 ${f.toPrecision(2)} = ${round((state.t - state.s) * f)} radians, and its cosine ${round(Math.cos((state.t - state.s) * f))}.`;
  }

  const query = slider({ label: "Query at", min: 0, max: data.longest, value: state.t, change: (t) => change({ t }) });
  const key = slider({ label: "Key at", min: 0, max: data.longest, value: state.s, change: (s) => change({ s }) });
  const pair = slider({ label: "Pair", min: 0, max: data.frequencies.length - 1, value: state.pair,
    say: (v) => `${v} of ${data.frequencies.length - 1}`, change: (pair) => change({ pair }) });
  const both = h("button", { type: "button", onclick: () => {
    const far = Math.max(state.t, state.s) + 7 > data.longest;
    const shift = far ? -Math.min(state.t, state.s) : 7;
    change({ t: state.t + shift, s: state.s + shift });
  } }, "Move both on by 7");
  stage.append(query, key, pair, both, svg, say);
  return draw;
};
insideGPT.drawers.positions.start = (data) => ({ t: data.query, s: data.key, pair: data.pair });
