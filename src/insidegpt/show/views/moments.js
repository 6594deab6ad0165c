// A training at ten moments: where its loss is, what it writes, and what it believes.
insideGPT.drawers.moments = function (stage, data, { state, change }) {
  const { h, slider, bars, percent } = insideGPT;
  const { moments, losses } = data; // losses: [step, nats] pairs, the first and the last among them
  const W = 640, H = 150, LEFT = 34, BOTTOM = 24;
  const last = losses.at(-1)[0], top = Math.max(...losses.map((pair) => pair[1]));
  const x = (step) => LEFT + (Math.log(step) / Math.log(last)) * (W - LEFT - 12);
  const y = (nats) => H - BOTTOM - (nats / top) * (H - BOTTOM - 12);
  const count = (n) => n.toLocaleString("en");

  const dot = h("circle", { r: 6, class: "ig-now" });
  const ticks = moments.map(({ step }) => h("line", { x1: x(step), x2: x(step), y1: H - BOTTOM, y2: H - BOTTOM + 5 }));
  const levels = [0, 2, 4, 6].filter((n) => n < top).map((n) => [
    h("text", { x: LEFT - 8, y: y(n) + 5, "text-anchor": "end" }, String(n)),
    h("line", { x1: LEFT, x2: W, y1: y(n), y2: y(n), class: "ig-level" })]).flat();
  const curve = h("svg", { viewBox: `0 0 ${W} ${H}`, class: "ig-curve ig-moments", "aria-hidden": "true" },
    levels, ticks, h("polyline", { points: losses.map(([s, l]) => `${x(s)},${y(l)}`).join(" ") }), dot,
    h("text", { x: W, y: H - 6, "text-anchor": "end" }, "steps, doubling to the right"),
    h("text", { x: W, y: 14, "text-anchor": "end" }, "loss, nats a token"));

  const when = slider({ label: "Moment", min: 0, max: moments.length - 1,
    say: (i) => (moments[i].step === 1 ? "1 step" : `${moments[i].step} steps`), change: (at) => change({ at }) });
  const result = h("p", { class: "ig-result", "aria-live": "polite" });
  const text = h("p", { class: "ig-grown ig-written" });
  const people = h("div", { class: "ig-beliefs" });
  stage.append(when, result, curve, text, people);

  function belief({ prompt, times, truth, top }) {
    const told = times ? `told ${times} times; ${truth}` : `never told; ${truth}`;
    return h("section", {}, h("h4", {}, `${prompt} \u2026`), h("p", {}, told),
      bars(top.map(([city, p]) => [city, p, `${city === truth ? "\u2713 " : ""}${percent(p)}`]), { largest: 1 }));
  }

  return function draw() {
    const now = moments[state.at];
    when.show(state.at);
    dot.setAttribute("cx", x(now.step));
    dot.setAttribute("cy", y(now.loss));
    result.textContent = `${count(now.step * data.tokens)} tokens read. Loss ${now.loss.toFixed(2)}.`;
    text.textContent = now.text;
    people.replaceChildren(...now.beliefs.map(belief));
  };
};
insideGPT.drawers.moments.start = (data) => ({ at: data.begin });
