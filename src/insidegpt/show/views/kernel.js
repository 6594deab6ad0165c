// Kernel regression: readings, a query to drag, and how far it looks. The weights are
// a softmax of minus the squared distances, halved and divided by the squared width.
insideGPT.drawers.kernel = function (stage, data, { state, change }) {
  const { h, slider } = insideGPT;
  const { keys, values, low, high, step, widths } = data;
  const W = 640, H = 250, BASE = 190, LEFT = 56, RIGHT = 14, TOP = 14;
  const least = Math.min(...values), warmest = Math.max(...values);
  const x = (key) => LEFT + ((key - low) / (high - low)) * (W - LEFT - RIGHT);
  const y = (value) => BASE - 12 - ((value - least) / (warmest - least)) * (BASE - 24 - TOP);
  const place = (event) => {
    const box = plot.getBoundingClientRect();
    const at = low + ((((event.clientX - box.left) / box.width) * W - LEFT) / (W - LEFT - RIGHT)) * (high - low);
    return Math.max(low, Math.min(high, Math.round(at / step) * step));
  };
  const clock = (hour) => `${Math.floor(hour)}:${String(Math.round((hour % 1) * 60)).padStart(2, "0")}`;

  function shares(query, width) {
    const scores = keys.map((key) => -((key - query) ** 2) / (2 * width * width));
    const top = Math.max(...scores); // so that the nearest never vanishes
    const weights = scores.map((score) => Math.exp(score - top));
    const sum = weights.reduce((a, b) => a + b);
    return weights.map((weight) => weight / sum);
  }
  const mixed = (weights) => weights.reduce((sum, weight, i) => sum + weight * values[i], 0);

  let held = false;
  const plot = h("svg", { viewBox: `0 0 ${W} ${H}`, class: "ig-kernel", role: "img", "aria-label": "Readings, the mixture and its shares",
    onpointerdown: (event) => { held = true; plot.setPointerCapture(event.pointerId); change({ query: place(event) }); },
    onpointermove: (event) => { if (held) change({ query: place(event) }); },
    onpointerup: () => { held = false; }, onpointercancel: () => { held = false; } });
  const words = (left, top, text, anchor = "middle", kind = "") => h("text", { x: left, y: top, "text-anchor": anchor, class: kind }, text);
  const hours = Array.from({ length: Math.floor((high - low) / 4) + 1 }, (_, i) => low + 4 * i);
  const degrees = [Math.ceil(least / 5) * 5, Math.floor(warmest / 5) * 5];
  const frame = [h("line", { x1: LEFT, x2: W - RIGHT, y1: BASE, y2: BASE, class: "ig-level" }),
    ...hours.map((hour) => words(hour === high ? W : x(hour), H - 4, `${hour}:00`, hour === high ? "end" : "middle")),
    ...degrees.map((t) => words(LEFT - 8, y(t) + 5, `${t}\u00b0`, "end"))];

  const query = slider({ label: "Query", min: low, max: high, step, say: clock, change: (query) => change({ query }) });
  const width = slider({ label: "Width", min: 0, max: widths.length - 1, say: (i) => `${widths[i]} h`, change: (width) => change({ width }) });
  const say = h("p", { class: "ig-note ig-kernel-note", "aria-live": "polite" });
  stage.append(plot, query, width, say);

  return function draw() {
    const now = shares(state.query, widths[state.width]), result = mixed(now);
    query.show(state.query);
    width.show(state.width);
    const curve = Array.from({ length: 20 * (high - low) + 1 }, (_, i) => low + i / 20).map((at) =>
      `${x(at).toFixed(1)},${y(mixed(shares(at, widths[state.width]))).toFixed(1)}`);
    const most = Math.max(...now), first = now.indexOf(most); // the longest bar is the largest share
    const bar = (weight, i) => h("rect", { x: x(keys[i]) - 5, width: 10, y: BASE, height: (36 * weight) / most, class: "ig-key-bar" });
    plot.replaceChildren(...frame, ...now.map(bar), h("polyline", { points: curve.join(" ") }),
      ...values.map((value, i) => h("circle", { cx: x(keys[i]), cy: y(value), r: 3.5 + 6 * Math.sqrt(now[i]), class: "ig-value-dot" })),
      h("line", { x1: x(state.query), x2: x(state.query), y1: TOP, y2: BASE + 40, class: "ig-query-line" }),
      h("circle", { cx: x(state.query), cy: y(result), r: 7, class: "ig-query-dot" }));
    const even = Math.exp(-now.reduce((sum, share) => sum + (share > 0 ? share * Math.log(share) : 0), 0));
    say.textContent = `At ${clock(state.query)}: ${result.toFixed(1)} \u00b0C. The reading of ${clock(keys[first])} has the largest share, ` +
      `${most.toFixed(2)}. It is as if ${even.toFixed(1)} of ${keys.length} readings had equal shares.`;
  };
};
insideGPT.drawers.kernel.start = (data) => ({ query: data.query, width: data.width });
