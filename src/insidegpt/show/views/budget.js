// A law of the loss: for a budget of operations, which size of model is best? Curves of
// equal cost from 6 N D = C, the best point of each, and what it takes to compute it.
insideGPT.drawers.budget = function (stage, data, { state, change }) {
  const { h, slider, choices } = insideGPT;
  const { laws, marks, machines } = data;
  const W = 640, H = 330, LEFT = 50, RIGHT = 12, TOP = 12, BASE = 282, STEPS = 120;
  const [FEW, MANY] = data.sizes, [LOW, HIGH] = data.losses; // decimal logarithms, and losses
  const x = (logN) => LEFT + ((logN - FEW) / (MANY - FEW)) * (W - LEFT - RIGHT);
  const y = (loss) => BASE - (Math.log(loss / LOW) / Math.log(HIGH / LOW)) * (BASE - TOP);
  const tenths = (flops) => Math.round(10 * Math.log10(flops));
  const budget = () => marks.find((mark) => tenths(mark.flops) === state.budget)?.flops ?? 10 ** (state.budget / 10);

  // The law, and the best N for a budget: where a per cent more of N or D is worth the same.
  const loss = (law, n, d) => law.E + law.A / n ** law.alpha + law.B / d ** law.beta;
  function optimum(law, flops) {
    const both = law.alpha + law.beta;
    const n = ((law.alpha * law.A) / (law.beta * law.B)) ** (1 / both) * (flops / 6) ** (law.beta / both);
    return { n, d: flops / 6 / n, loss: loss(law, n, flops / 6 / n) };
  }

  const UP = "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079";
  const raised = (k) => String(k).replace(/\d/g, (digit) => UP[digit]);
  function power(value) { // 3.2 × 10¹⁴
    let k = Math.floor(Math.log10(value)), front = (value / 10 ** k).toPrecision(2);
    if (Number(front) >= 10) { k += 1; front = "1.0"; }
    return `${front} \u00d7 10${raised(k)}`;
  }
  const number = (v) => Number(v.toPrecision(2)).toLocaleString("en");
  const NAMES = [[1e15, "quadrillion"], [1e12, "trillion"], [1e9, "billion"], [1e6, "million"], [1e3, "thousand"]];
  function count(v) {
    const [unit, name] = NAMES.find(([u]) => v >= 0.995 * u) ?? [1, ""];
    return v / unit >= 1e4 ? power(v) : `${number(v / unit)} ${name}`.trim();
  }
  const TIMES = [[365.25 * 86400, "year"], [86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];
  function time(s) {
    const [unit, name] = TIMES.find(([u]) => s >= 0.995 * u) ?? [1, "second"];
    const many = s / unit, said = many >= 1e4 ? count(many) : many < 0.01 ? "less than 0.01" : number(many);
    return `${said} ${name}${said === "1" ? "" : "s"}`;
  }

  const words = (left, top, text, anchor = "middle") => h("text", { x: left, y: top, "text-anchor": anchor }, text);
  const decades = Array.from({ length: Math.floor((MANY - FEW) / 3) + 1 }, (_, i) => FEW + 3 * i);
  const levels = [1, 2, 3, 5, 10, 20].filter((level) => level >= LOW && level <= HIGH);
  const frame = [h("line", { x1: LEFT, x2: W - RIGHT, y1: BASE, y2: BASE, class: "ig-level" }),
    ...decades.map((k) => words(x(k), BASE + 20, `10${raised(k)}`, k === FEW ? "start" : k === MANY ? "end" : "middle")),
    words((LEFT + W) / 2, H - 6, "parameters"),
    ...levels.flatMap((level) => [words(LEFT - 8, y(level) + 5, String(level), "end"),
      h("line", { x1: LEFT, x2: W - RIGHT, y1: y(level), y2: y(level), class: "ig-level" })])];
  const curve = (law, flops) => Array.from({ length: STEPS + 1 }, (_, i) => FEW + (i / STEPS) * (MANY - FEW))
    .map((k) => [x(k), loss(law, 10 ** k, flops / 6 / 10 ** k)])
    .filter(([, l]) => l <= HIGH && l >= LOW).map(([left, l]) => `${left.toFixed(1)},${y(l).toFixed(1)}`).join(" ");

  const plot = h("svg", { viewBox: `0 0 ${W} ${H}`, class: "ig-budget", role: "img", "aria-label": "Curves of equal cost: loss against parameters" });
  const laws_row = choices({ label: "Law", options: laws.map((law) => law.name), change: (law) => change({ law }) });
  const marks_row = choices({ label: "Budgets", options: marks.map((mark) => mark.name), value: -1, change: (i) => change({ budget: tenths(marks[i].flops) }) });
  const money = slider({ label: "FLOPs", min: 10 * data.budgets[0], max: 10 * data.budgets[1],
    say: () => power(budget()), change: (budget) => change({ budget }) });
  const say = h("p", { class: "ig-note ig-budget-note", "aria-live": "polite" });
  stage.append(laws_row, plot, money, marks_row, say);

  return function draw() {
    const law = laws[state.law], flops = budget(), best = optimum(law, flops);
    const all = Array.from({ length: data.budgets[1] - data.budgets[0] + 1 }, (_, i) => 10 ** (data.budgets[0] + i));
    const road = all.map((c) => optimum(law, c)).filter((o) => o.loss <= HIGH && o.loss >= LOW);
    laws_row.show(state.law);
    money.show(state.budget);
    marks_row.show(marks.findIndex((mark) => tenths(mark.flops) === state.budget));
    const near = law.runs.filter(([n, d]) => Math.abs(Math.log10((6 * n * d) / flops)) < 0.16);
    plot.replaceChildren(...frame, ...all.map((c) => h("polyline", { points: curve(law, c), class: "ig-faint" })),
      h("polyline", { points: road.map((o) => `${x(Math.log10(o.n)).toFixed(1)},${y(o.loss).toFixed(1)}`).join(" "), class: "ig-road" }),
      h("polyline", { points: curve(law, flops), class: "ig-now" }),
      ...near.map(([n, , l]) => h("circle", { cx: x(Math.log10(n)), cy: y(l), r: 5, class: "ig-run" })),
      ...(best.loss <= HIGH ? [h("circle", { cx: x(Math.log10(best.n)), cy: y(best.loss), r: 7, class: "ig-best" })] : []));
    const far = flops > law.most ? Math.log10(flops / law.most) : flops < law.least ? Math.log10(law.least / flops) : 0;
    say.replaceChildren(`Best: ${count(best.n)} parameters and ${count(best.d)} tokens, ${number(best.d / best.n)} a parameter, for a loss of ${best.loss.toFixed(2)}. `,
      `On ${machines.map((machine) => `${machine.name}: ${time(flops / machine.speed)}`).join("; on ")}. `,
      h("span", { class: "ig-far" }, far > 0.05 ? `Nothing of this kind was trained for this law: the nearest run is a factor of ${count(10 ** far)} away.` :
        "Within the budgets that this law was fitted to."));
  };
};
insideGPT.drawers.budget.start = (data) => ({ law: 0, budget: Math.round(10 * Math.log10(data.flops)) });
