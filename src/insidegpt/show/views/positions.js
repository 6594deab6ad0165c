// Rotary positions: a query and a key that turn, in each of a head's pairs at its speed.
insideGPT.drawers.positions = function (stage, data, { state, change }) {
  const { h, slider, button } = insideGPT;
  const { frequencies, longest } = data;
  const speed = (pair) => frequencies[pair];
  const tip = (angle, r) => [r * Math.cos(angle), -r * Math.sin(angle)];
  const within = (n) => Math.max(0, Math.min(longest, n));
  const number = (x) => (x < 100 ? x.toFixed(1) : Math.round(x).toLocaleString("en"));

  // The large dial: two arrows to drag, and the arc of the angle between them.
  const dial = h("svg", { viewBox: "-130 -130 260 260", class: "ig-dial", role: "img", "aria-label": "A query and a key as two arrows on a circle",
    onpointerdown: grab, onpointermove: drag, onpointerup: () => { held = null; }, onpointercancel: () => { held = null; } });
  let held = null;
  function pointed(event) {
    const box = dial.getBoundingClientRect();
    return Math.atan2(box.top + box.height / 2 - event.clientY, event.clientX - box.left - box.width / 2);
  }
  const apart = (a, b) => Math.atan2(Math.sin(a - b), Math.cos(a - b)); // -pi to pi
  function grab(event) {
    const [angle, f] = [pointed(event), speed(state.pair)];
    held = Math.abs(apart(angle, state.t * f)) <= Math.abs(apart(angle, state.s * f)) ? "t" : "s";
    dial.setPointerCapture(event.pointerId);
    drag(event);
  }
  function drag(event) {
    if (!held) return;
    const f = speed(state.pair);
    const to = within(state[held] + Math.round(apart(pointed(event), state[held] * f) / f));
    if (to !== state[held]) change({ [held]: to });
  }
  function arrow(angle, kind, name, length, aside) { // aside: where its name goes
    const [x, y] = tip(angle, length), [u, v] = tip(angle + aside, 108);
    return h("g", { class: `ig-arrow ig-${kind}` }, h("line", { x1: 0, y1: 0, x2: x, y2: y }),
      h("circle", { cx: x, cy: y, r: 7 }), h("text", { x: u, y: v + 4 }, name));
  }
  // From the key's angle to the query's, the whole way round if need be.
  function arc(from, to) {
    const steps = Math.max(2, Math.min(400, Math.ceil(Math.abs(to - from) * 12)));
    const points = Array.from({ length: steps + 1 }, (_, i) => {
      const share = i / steps;
      return tip(from + (to - from) * share, 26 + 2.5 * Math.abs(to - from) * share / (2 * Math.PI)).map((x) => x.toFixed(1)).join(",");
    });
    return h("polyline", { points: points.join(" "), class: "ig-turned" });
  }

  // All pairs as small dials, each a button.
  const small = frequencies.map((f, i) => {
    const face = h("svg", { viewBox: "-12 -12 24 24", "aria-hidden": "true" });
    return { face, node: h("button", { type: "button", "aria-label": `Pair ${i}`, onclick: () => change({ pair: i }) }, face) };
  });
  function hand(angle, kind) {
    const [x, y] = tip(angle, 9);
    return h("g", { class: `ig-arrow ig-${kind}` }, h("line", { x1: 0, y1: 0, x2: x, y2: y }));
  }

  // The score of two alike arrows against their distance: of this pair, and of all.
  const [W, H] = [600, 150];
  const curve = h("svg", { viewBox: `0 0 ${W} ${H + 26}`, class: "ig-score", role: "img", "aria-label": "Score against distance" });
  const across = (d) => 34 + (d / longest) * (W - 56);
  const up = (score) => 8 + ((1 - score) / 2) * (H - 16);
  function line(score, kind) {
    const points = Array.from({ length: 4 * longest + 1 }, (_, i) => `${across(i / 4).toFixed(1)},${up(score(i / 4)).toFixed(1)}`);
    return h("polyline", { points: points.join(" "), class: kind });
  }
  function drawCurve() {
    const one = (d) => Math.cos(d * speed(state.pair));
    const all = (d) => frequencies.reduce((sum, f) => sum + Math.cos(d * f), 0) / frequencies.length;
    const d = Math.abs(state.t - state.s);
    const words = (x, y, text, kind) => h("text", { x, y, class: kind ?? "" }, text);
    curve.replaceChildren(
      ...[1, 0, -1].map((y) => h("line", { x1: 34, x2: W - 22, y1: up(y), y2: up(y), class: "ig-rim" })),
      ...[1, 0, -1].map((y) => words(28, up(y) + 5, String(y), "ig-end")),
      ...[0, 20, 40, 60].filter((x) => x <= longest).map((x) => words(across(x), H + 20, x === 40 ? "40 tokens apart" : String(x), "ig-middle")),
      line(all, "ig-all"), line(one, "ig-one-pair"),
      h("circle", { cx: across(d), cy: up(all(d)), r: 4 }), h("circle", { cx: across(d), cy: up(one(d)), r: 6 }));
  }

  const query = slider({ label: "Query at", min: 0, max: longest, change: (t) => change({ t }) });
  const key = slider({ label: "Key at", min: 0, max: longest, change: (s) => change({ s }) });
  const pair = slider({ label: "Pair, fast to slow", min: 0, max: frequencies.length - 1, change: (pair) => change({ pair }) });
  const both = button("Move both on by 7", () => {
    const shift = Math.max(state.t, state.s) + 7 > longest ? -Math.min(state.t, state.s) : 7;
    change({ t: state.t + shift, s: state.s + shift });
  });
  const say = h("p", { class: "ig-note ig-told", "aria-live": "polite" });
  stage.append(h("div", { class: "ig-turning" }, dial, h("div", { class: "ig-pairs", role: "group", "aria-label": "All pairs of a head" }, small.map((s) => s.node))),
    query, key, pair, both, say, curve,
    h("p", { class: "ig-note" }, "Thick: the score of this pair, when query and key are alike. Thin: the mean of all pairs."));

  return function draw() {
    const f = speed(state.pair), [a, b] = [state.t * f, state.s * f];
    query.show(state.t);
    key.show(state.s);
    pair.show(state.pair);
    const close = apart(a, b), aside = Math.abs(close) < 0.4 ? (close < 0 ? -0.2 : 0.2) : 0;
    dial.replaceChildren(h("circle", { cx: 0, cy: 0, r: 88, class: "ig-rim" }), arc(b, a), arrow(b, "key", "key", 70, -aside), arrow(a, "query", "query", 88, aside));
    small.forEach(({ face, node }, i) => {
      node.setAttribute("aria-pressed", String(i === state.pair));
      face.replaceChildren(h("circle", { cx: 0, cy: 0, r: 10.5, class: "ig-rim" }), hand(state.s * speed(i), "key"), hand(state.t * speed(i), "query"));
    });
    drawCurve();
    say.textContent = `Pair ${state.pair} makes a full turn in ${number((2 * Math.PI) / f)} tokens. Query and key are ${Math.abs(state.t - state.s)} apart: ` +
      `an angle of ${(Math.abs(a - b) * 180 / Math.PI).toFixed(1)}\u00b0, a score of ${Math.cos(a - b).toFixed(2)}.`;
  };
};
insideGPT.drawers.positions.start = (data) => ({ t: data.query, s: data.key, pair: data.pair });
