// A ring all-reduce, step by step: columns are machines, rows the parts of their lists.
// First partial sums go round, then whole sums; every machine sends to its right.
insideGPT.drawers.ring = function (stage, data, { state, change }) {
  const { h, slider, button } = insideGPT;
  const W = 640, CELL = 46, TOP = 30, LEFT = 62;
  const after = (n, steps) => {
    const table = data.numbers.slice(0, n).map((row) => row.slice(0, n));
    for (let step = 0; step < steps; step++) {
      const parcels = table.map((_, i) => table[(i - step + n * n) % n][i]);
      parcels.forEach((parcel, i) => {
        const part = (i - step + n * n) % n, right = (i + 1) % n;
        table[part][right] = parcel + (step < n - 1 ? table[part][right] : 0);
      });
    }
    return table;
  };
  // Which machines' numbers are in a cell: after n - 1 steps one of each row is whole.
  const whole = (n, steps, part, i) => steps >= n - 1 && (i - part + 1 + n) % n <= steps - (n - 1);

  const machines = slider({ label: "Machines", min: 2, max: data.numbers.length, change: (machines) => change({ machines, step: Math.min(state.step, 2 * (machines - 1)) }) });
  const plot = h("svg", { class: "ig-ring", role: "img", "aria-label": "What each machine has of each part, and what it sends" });
  const back = button("Step back", () => change({ step: state.step - 1 }));
  const next = button("Next step", () => change({ step: state.step + 1 }));
  const say = h("p", { class: "ig-note ig-ring-note", "aria-live": "polite" });
  stage.append(machines, plot, h("div", { class: "ig-choices" }, back, next), say);

  return function draw() {
    const n = state.machines, last = 2 * (n - 1), step = (state.step = Math.max(0, Math.min(last, state.step)));
    machines.show(n);
    back.disabled = step === 0;
    next.disabled = step === last;
    const gap = (W - LEFT - 30) / n, x = (i) => LEFT + 14 + i * gap, y = (c) => TOP + c * (CELL + 8);
    const now = after(n, step), came = step - 1; // the step that was just made
    const nodes = [];
    for (let i = 0; i < n; i++) nodes.push(h("text", { x: x(i) + CELL / 2 + 4, y: 18, "text-anchor": "middle" }, `M${i}`));
    for (let c = 0; c < n; c++) {
      nodes.push(h("text", { x: 0, y: y(c) + 29 }, `part ${c}`));
      for (let i = 0; i < n; i++) {
        const fresh = step > 0 && (i - 1 - came + n * n) % n === c; // what arrived
        const sum = whole(n, step, c, i);
        nodes.push(h("rect", { x: x(i), y: y(c), width: CELL + 8, height: CELL, rx: 4, class: `ig-ring-cell${sum ? " ig-ring-sum" : ""}${fresh ? " ig-ring-fresh" : ""}` }),
          h("text", { x: x(i) + CELL / 2 + 4, y: y(c) + 30, "text-anchor": "middle", class: "ig-ring-number" }, String(now[c][i])));
        if (fresh) { // an arrow from the left neighbour, or in from the left edge
          const from = i === 0 ? x(0) - 22 : x(i - 1) + CELL + 10, to = x(i) - 3, at = y(c) + CELL / 2;
          nodes.push(h("path", { d: `M${from},${at}H${to}m-7,-5l7,5l-7,5`, class: "ig-ring-arrow" }));
          if (i === 0) nodes.push(h("path", { d: `M${x(n - 1) + CELL + 10},${at}h${Math.min(22, W - x(n - 1) - CELL - 12)}`, class: "ig-ring-arrow" }));
        }
      }
    }
    plot.setAttribute("viewBox", `0 0 ${W} ${y(data.numbers.length)}`);
    plot.replaceChildren(...nodes);
    const phase = step === 0 ? "Nobody has sent anything yet."
      : step < n ? `Step ${step} of ${last}: what arrives is added.` : `Step ${step} of ${last}: what arrives replaces what was there.`;
    const sums = now.flatMap((row, c) => row.filter((_, i) => whole(n, step, c, i))).length;
    say.textContent = `${phase} Whole sums: ${sums} of ${n * n}. Each machine has sent ${step} ${step === 1 ? "part" : "parts"}, ` +
      `which is ${(step / n).toFixed(2)} times its whole list. In the end it will be 2 \u00b7 ${n - 1} / ${n} = ${(last / n).toFixed(2)}.`;
  };
};
insideGPT.drawers.ring.start = (data) => ({ machines: data.machines, step: 1 });
