// Choosing the next token: real logits, and the filters of infer/sampling.py in their order.
insideGPT.drawers.sampling = function (stage, data) {
  const { h, slider, select, bars } = insideGPT;
  const off = data.prompts[0].top.length; // top-k at its end: keep all
  const set = { prompt: 0, temperature: 1, k: off, p: 1, min: 0 };
  const panel = h("div"), say = h("p", { class: "ig-note", "aria-live": "polite" });
  const drawn = h("p", { class: "ig-drawn", "aria-live": "polite" });
  let seed = 1;

  // Rows [name, share], most likely first; the tail is kept as [logit, how many] bins.
  function distribution() {
    const { top, rest } = data.prompts[set.prompt];
    const best = top[0][1];
    if (set.temperature === 0) return [[top[0][0], 1]];
    const mass = (logit) => Math.exp((logit - best) / set.temperature);
    let rows = top.map(([name, logit]) => [name, mass(logit)]);
    const tail = rest.map(([logit, n]) => [n, mass(logit)]);
    let all = rows.reduce((sum, r) => sum + r[1], 0) + tail.reduce((sum, [n, m]) => sum + n * m, 0);
    if (set.k < off) { rows = rows.slice(0, set.k); all = rows.reduce((s, r) => s + r[1], 0); }
    const limited = set.k < off || set.p < 1 || set.min > 0;
    if (set.p < 1) {
      let before = 0;
      rows = rows.filter((r) => { const keep = before < set.p * all; before += r[1]; return keep; });
    }
    if (set.min > 0) rows = rows.filter((r) => r[1] >= set.min * rows[0][1]);
    if (limited) all = rows.reduce((s, r) => s + r[1], 0);
    else rows.push(["(all other tokens)", tail.reduce((s, [n, m]) => s + n * m, 0)]);
    return rows.map(([name, m]) => [name, m / all]);
  }

  function random() { // mulberry32: the same seed, the same draws
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  function draw() {
    const rows = distribution();
    panel.replaceChildren(bars(rows.slice(0, 10), { largest: 1 }));
    const shown = rows.slice(0, 10).reduce((s, r) => s + r[1], 0);
    say.textContent = `${rows.length > off ? "All" : rows.length} tokens can be drawn; the bars above hold ${Math.round(100 * shown)} % of the mass.`;
  }

  const update = (key) => (v) => { set[key] = v; draw(); };
  stage.append(
    select({ label: "After", options: data.prompts.map((p) => p.prompt), change: update("prompt") }),
    slider({ label: "Temperature", min: 0, max: 2, step: 0.1, value: 1, say: (v) => v.toFixed(1), change: update("temperature") }),
    slider({ label: "Top-k", min: 1, max: off, value: off, say: (v) => (v === off ? "off" : String(v)), change: update("k") }),
    slider({ label: "Top-p", min: 0.05, max: 1, step: 0.05, value: 1, say: (v) => (v === 1 ? "off" : v.toFixed(2)), change: update("p") }),
    slider({ label: "Min-p", min: 0, max: 0.5, step: 0.01, value: 0, say: (v) => (v === 0 ? "off" : v.toFixed(2)), change: update("min") }),
    panel, say,
    h("button", { type: "button", onclick: () => {
      const rows = distribution();
      const names = Array.from({ length: 12 }, () => {
        let u = random();
        return (rows.find((r) => (u -= r[1]) < 0) ?? rows[0])[0];
      });
      drawn.replaceChildren(...names.map((name) => h("span", { class: "ig-piece" }, insideGPT.visible(name))));
    } }, "Draw 12 tokens"), drawn);
  return draw;
};
