// An optimizer on its way down a valley: which one, how long its steps, how elongated
// the valley. Everything is computed here; Python has the same in show.widgets.descent.
insideGPT.drawers.descent = function (stage, data, { state, change }) {
  const { h, slider, choices } = insideGPT;
  const { names, rates, elongations, start, steps, momentum, betas, eps, muon, polynomial } = data;
  const W = 640, H = 330, SCALE = 24; // pixels for a unit of weight
  const MIDDLE = 122; // from above: a tilted valley begins below it
  const EDGE = 1e6; // where a path that runs away is given up

  // Coordinates of the valley, along and across, and of the weights: the same or turned.
  const half = Math.SQRT1_2;
  const turn = ([s, t]) => (state.tilted ? [half * (s - t), half * (s + t)] : [s, t]);
  const back = ([p, q]) => (state.tilted ? [half * (p + q), half * (q - p)] : [p, q]);
  const slope = ([s, t]) => [s, elongations[state.elongation] * t];
  const loss = ([s, t]) => (s * s + elongations[state.elongation] * t * t) / 2;

  // Each takes a gradient in the weights' coordinates and the number of the step, and
  // gives the way to go for a rate of 1. Muon sees the valley's: it minds no turn.
  const makers = [
    () => (g) => g,
    () => { let v = [0, 0]; return (g) => (v = v.map((x, i) => momentum * x + g[i])); },
    () => {
      let mean = [0, 0], square = [0, 0];
      return (g, n) => {
        mean = mean.map((m, i) => betas[0] * m + (1 - betas[0]) * g[i]);
        square = square.map((m, i) => betas[1] * m + (1 - betas[1]) * g[i] * g[i]);
        const [left, right] = betas.map((beta) => 1 - beta ** n);
        return mean.map((m, i) => m / left / (Math.sqrt(square[i] / right) + eps));
      };
    },
    () => {
      let mean = [0, 0];
      return (g) => {
        const now = back(g);
        mean = mean.map((m, i) => muon * m + (1 - muon) * now[i]);
        const ahead = mean.map((m, i) => muon * m + (1 - muon) * now[i]);
        const length = Math.max(1e-7, Math.hypot(...ahead));
        const [a, b, c] = polynomial;
        let values = ahead.map((x) => x / length);
        for (let i = 0; i < 5; i++) values = values.map((x) => a * x + b * x ** 3 + c * x ** 5);
        return turn(values);
      };
    },
  ];

  function path() {
    const step = makers[state.optimizer](), rate = rates[state[`rate${state.optimizer}`]];
    const places = [turn(start)];
    for (let n = 0; n < steps; n++) {
      const at = places[n], way = step(turn(slope(back(at))), n + 1);
      places.push(at.map((x, i) => x - rate * way[i]));
      if (Math.hypot(...places[n + 1]) > EDGE) break;
    }
    return places;
  }

  const x = ([p]) => W / 2 + SCALE * p, y = ([, q]) => MIDDLE - SCALE * q;
  const plot = h("svg", { viewBox: `0 0 ${W} ${H}`, class: "ig-descent", role: "img", "aria-label": "Contour lines of a valley and the way of an optimizer" });
  function contour(level) { // where the loss has this value
    const s = Math.sqrt(2 * level), t = s / Math.sqrt(elongations[state.elongation]);
    const angles = Array.from({ length: 73 }, (_, i) => (i * Math.PI) / 36);
    const rim = angles.map((a) => turn([s * Math.cos(a), t * Math.sin(a)]));
    return h("polyline", { points: rim.map((at) => `${x(at).toFixed(1)},${y(at).toFixed(1)}`).join(" "), class: "ig-contour" });
  }
  const round = (v) => (v === 0 || (Math.abs(v) >= 0.001 && Math.abs(v) < 1e5) ? String(Number(v.toPrecision(3))) : v.toExponential(1));

  const set = (key) => (value) => change({ [key]: value });
  const which = choices({ label: "Optimizer", options: names, value: state.optimizer, change: set("optimizer") });
  const rate = slider({ label: "Learning rate", min: 0, max: rates.length - 1, say: (i) => String(rates[i]), change: (i) => change({ [`rate${state.optimizer}`]: i }) });
  const long = slider({ label: "Elongation", min: 0, max: elongations.length - 1, say: (i) => `${elongations[i]} : 1`, change: set("elongation") });
  const tilt = choices({ label: "Valley", options: ["along the axes", "tilted"], value: state.tilted, change: set("tilted") });
  const say = h("p", { class: "ig-note ig-descent-note", "aria-live": "polite" });
  stage.append(which, plot, rate, long, tilt, say);

  return function draw() {
    const places = path(), last = places.at(-1), end = loss(back(last)), first = loss(start);
    which.show(state.optimizer); tilt.show(state.tilted);
    rate.show(state[`rate${state.optimizer}`]); long.show(state.elongation);
    const near = places.map((at) => [x(at), y(at)].map((v) => Math.max(-W, Math.min(2 * W, v)).toFixed(1)));
    plot.replaceChildren(...[1, 0.25, 0.05, 0.005].map((part) => contour(part * first)),
      h("polyline", { points: near.map((at) => at.join(",")).join(" "), class: "ig-way" }),
      ...near.map(([cx, cy], n) => h("circle", { cx, cy, r: n ? 2.6 : 6, class: n ? "ig-stop" : "ig-begin" })),
      h("path", { d: `M${W / 2 - 6} ${MIDDLE}h12M${W / 2} ${MIDDLE - 6}v12`, class: "ig-lowest" }));
    const limit = 2 / Math.max(1, elongations[state.elongation]);
    const how = places.length <= steps ? `It has run away after ${places.length - 1} steps.`
      : `After ${steps} steps the loss is ${round(end)}, from ${round(first)}.`;
    const bound = state.optimizer ? "" : ` Gradient descent is stable here below a rate of ${round(limit)}.`;
    say.textContent = how + bound;
  };
};
insideGPT.drawers.descent.start = (data) => ({ optimizer: data.optimizer, elongation: data.elongation, tilted: 0,
  ...Object.fromEntries(data.begin.map((rate, i) => [`rate${i}`, rate])) });
