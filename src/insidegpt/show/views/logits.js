// What the model expects next: at every position, and as read at every depth.
insideGPT.drawers.logits = function (stage, data, { state, change }) {
  const { h, slider, bars, visible, choices } = insideGPT;
  const { tokens, top, ranks } = data;
  const last = top.length - 1, ROW = 18, HEAD = 22;
  const passed = (depth) => (depth === 0 ? "before block 0" : `after block ${depth - 1}`);
  const position = choices({ label: "Position", options: tokens.map(visible), change: (i) => change({ position: i }) });
  const depth = slider({ label: "Depth", min: 0, max: last, say: passed, change: (v) => change({ depth: v }) });
  const note = h("p", { class: "ig-note ig-lens-note", "aria-live": "polite" });
  const panel = h("div", { class: "ig-lens-bars" });

  // A row for each depth, a cell for each position: the best token there.
  const cells = top.map((row, d) => row.map(([[name, p]], t) => h("span", {
    class: "ig-cell", style: `--p:${p}`, title: `${visible(name)}, ${insideGPT.percent(p)}`,
    onclick: () => change({ depth: d, position: t }),
  }, visible(name))));
  const heads = tokens.map((token) => h("b", {}, visible(token)));
  const grid = h("div", { class: "ig-lens-grid", style: `--columns:${tokens.length}` },
    h("b", {}), heads, cells.flatMap((row, d) => [h("i", {}, d ? String(d - 1) : "start"), ...row]));

  // The rank of what is said in the end, beside the same rows.
  const plot = h("svg", { class: "ig-lens-plot", role: "img" });
  function drawPlot() {
    const line = ranks[state.position], most = Math.ceil(Math.log10(Math.max(10, ...line)));
    const W = plot.clientWidth || 150, H = HEAD + (last + 1) * ROW, [left, right] = [20, W - 12];
    const x = (rank) => right - (Math.log10(rank) / most) * (right - left);
    const y = (d) => HEAD + (d + 0.5) * ROW;
    plot.setAttribute("viewBox", `0 0 ${W} ${H + 16}`);
    plot.style.height = `${H + 16}px`;
    const said = visible(top[last][state.position][0][0]);
    const ticks = [1, 100, 10000].filter((rank) => Math.log10(rank) <= most);
    plot.replaceChildren(
      ...ticks.map((rank) => h("line", { x1: x(rank), x2: x(rank), y1: HEAD, y2: H, class: "ig-tick" })),
      ...ticks.map((rank) => h("text", { x: x(rank), y: 14, "text-anchor": "middle" }, rank.toLocaleString("en"))),
      h("polyline", { class: "ig-rank", points: line.map((rank, d) => `${x(rank)},${y(d)}`).join(" ") }),
      ...line.map((rank, d) => h("circle", { class: "ig-dot", cx: x(rank), cy: y(d), r: d === state.depth ? 6 : 3 })),
      h("text", { x: (left + right) / 2, y: H + 13, "text-anchor": "middle" }, `rank of ${said}`));
    plot.setAttribute("aria-label", `Rank of ${said} at every depth, on a logarithmic scale`);
  }

  stage.append(position);
  if (last) {
    stage.append(depth, h("div", { class: "ig-lens" }, grid, plot));
    new ResizeObserver(drawPlot).observe(plot);
  }
  stage.append(note, panel);
  return function draw() {
    const t = state.position, d = Math.min(state.depth, last), best = top[last][t][0][0];
    position.show(t);
    depth.show(d);
    cells.forEach((row, i) => row.forEach((cell, j) => {
      cell.classList.toggle("ig-here", i === d && j === t);
      cell.classList.toggle("ig-said-here", top[i][j][0][0] === top[last][j][0][0]);
    }));
    heads.forEach((head, j) => head.classList.toggle("ig-here", j === t));
    const before = tokens.slice(0, t + 1).map(visible).join("");
    note.textContent = `After \u201c${before}\u201d` + (last
      ? `, read ${passed(d)}: ${visible(best)}, which is said in the end, is number ${ranks[t][d].toLocaleString("en")}.` : ":");
    panel.replaceChildren(bars(top[d][t], { largest: 1 }));
    if (last) drawPlot();
  };
};
insideGPT.drawers.logits.start = (data) => ({ position: data.tokens.length - 1, depth: data.depth });
