// Where every head of every layer looks, and what becomes of the answer without a wire.
insideGPT.drawers.attention = function (stage, data, { state, change }) {
  const { h, slider, choices, visible, percent, button } = insideGPT;
  const { layers, heads, texts } = data;
  const all = texts.map((text) => Uint8Array.from(atob(text.weights), (c) => c.charCodeAt(0)));
  const text = () => texts[Math.min(state.text, texts.length - 1)];
  const size = () => text().tokens.length;
  const asking = () => Math.min(state.from, size() - 1);
  const cell = (t, s) => (t * (t + 1)) / 2 + s; // below the diagonal, row by row
  function weight(layer, head, t, s) {
    const per = (size() * (size() + 1)) / 2;
    return all[texts.indexOf(text())][(layer * heads + head) * per + cell(t, s)] / 255;
  }
  // The average of all heads is a head of its own: layer -1.
  function looks(t) {
    const shares = Array(t + 1).fill(0);
    for (let l = 0; l < layers; l++)
      for (let n = 0; n < heads; n++)
        if (state.layer < 0 || (l === state.layer && n === state.head))
          shares.forEach((_, s) => { shares[s] += weight(l, n, t, s); });
    if (state.layer < 0) return shares.map((sum) => sum / (layers * heads));
    const { costs, wire } = text();
    if (!state.cut || !costs || t !== wire[0]) return shares;
    const cut = shares[wire[1]]; // what is left is shared by the others
    return shares.map((p, s) => (s === wire[1] ? 0 : p / (1 - cut)));
  }

  // The map: a column a layer, a row a head, in each cell that head's small triangle.
  const map = h("canvas", { class: "ig-map", "aria-hidden": "true", onclick: pick, onmousemove: hint, onmouseleave: () => { tip.textContent = told; } });
  const tip = h("p", { class: "ig-note" });
  let told = "";
  function place(event) {
    const box = map.getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    return [Math.min(layers - 1, Math.floor(x * layers)), Math.min(heads - 1, Math.floor(y * heads))];
  }
  function pick(event) {
    const [layer, head] = place(event);
    change({ layer, head });
  }
  function hint(event) {
    const [layer, head] = place(event);
    tip.textContent = `Layer ${layer}, head ${head}: a click chooses it.`;
  }
  function paint() {
    const width = map.clientWidth || 600, side = width / layers, scale = devicePixelRatio || 1;
    map.width = width * scale;
    map.height = side * heads * scale;
    map.style.aspectRatio = `${layers} / ${heads}`;
    const pen = map.getContext("2d"), style = getComputedStyle(map);
    pen.scale(scale, scale);
    const T = size(), gap = side > 14 ? 2 : 1, dot = (side - gap) / T;
    const costs = state.map === 1 && text().costs;
    for (let l = 0; l < layers; l++)
      for (let n = 0; n < heads; n++) {
        const [x, y] = [l * side, n * side];
        pen.globalAlpha = 0.12;
        pen.fillStyle = style.color;
        if (costs) pen.fillRect(x, y, side - gap, side - gap);
        if (costs) {
          pen.fillStyle = style.getPropertyValue("--ig-key");
          pen.globalAlpha = Math.min(1, Math.max(0, costs[l * heads + n]) / Math.max(...costs));
          pen.fillRect(x, y, side - gap, side - gap);
          continue;
        }
        for (let t = 0; t < T; t++)
          for (let s = 0; s <= t; s++) {
            pen.fillStyle = style.color;
            pen.globalAlpha = 0.08;
            pen.fillRect(x + s * dot, y + t * dot, dot, dot);
            pen.fillStyle = style.getPropertyValue("--ig-query");
            pen.globalAlpha = weight(l, n, t, s);
            pen.fillRect(x + s * dot, y + t * dot, dot, dot);
          }
      }
    if (state.layer < 0) return;
    pen.globalAlpha = 1;
    pen.strokeStyle = style.color;
    pen.lineWidth = 2;
    pen.strokeRect(state.layer * side - 1, state.head * side - 1, side - gap + 2, side - gap + 2);
  }

  // The sentence, with an arc from the token that asks to each that answers.
  const arcs = h("svg", { class: "ig-arcs", "aria-hidden": "true" });
  const words = h("div", { class: "ig-sentence", role: "group", "aria-label": "Which token asks" });
  function drawSentence() {
    const { tokens } = text(), t = asking(), shares = looks(t), wide = 600 / tokens.length;
    const middle = (i) => wide * (i + 0.5);
    arcs.setAttribute("viewBox", "0 0 600 96");
    arcs.replaceChildren(...shares.map((p, s) => {
      const [a, b] = [middle(t), middle(s)], up = 94 - Math.min(88, 20 + Math.abs(a - b) * 0.32);
      const d = s === t ? `M${a - 14} 94C${a - 40} 50 ${a + 40} 50 ${a + 14} 94` : `M${a} 94C${a} ${up} ${b} ${up} ${b} 94`;
      return h("path", { d, class: "ig-arc", "stroke-width": 1 + 11 * p, opacity: 0.15 + 0.85 * p });
    }));
    words.replaceChildren(...tokens.map((token, i) => {
      const share = i > t ? "\u2013" : `${Math.round(100 * shares[i])} %`;
      return h("button", { type: "button", class: "ig-word", "aria-pressed": String(i === t),
        onclick: () => { change({ from: i }); words.children[i].focus(); } }, visible(token), h("small", {}, share));
    }));
  }

  const names = texts.map((entry) => entry.tokens.join(""));
  const pickText = choices({ label: "Sentence", options: names, change: (i) => change({ text: i, from: texts[i].tokens.length - 1, cut: 0 }) });
  const known = choices({ label: "Heads to begin with", options: data.known.map((entry) => entry[0]),
    change: (i) => change({ layer: data.known[i][1], head: data.known[i][2] }) });
  const layer = slider({ label: "Layer", min: 0, max: layers - 1, change: (v) => change({ layer: v }) });
  const head = slider({ label: "Head", min: 0, max: heads - 1, change: (v) => change({ head: v, layer: Math.max(0, state.layer) }) });
  const shade = choices({ label: "What the map shows", options: ["where heads look", "what a cut costs"], change: (i) => change({ map: i }) });
  const cut = button("", () => change({ cut: 1 - state.cut }));
  const result = h("div", { class: "ig-cut", "aria-live": "polite" });
  stage.append(pickText, h("div", { class: "ig-choices" }, shade), map, tip, known, layer, head, arcs, words, h("div", { class: "ig-wire" }, cut, result));
  new MutationObserver(paint).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  new ResizeObserver(paint).observe(map);

  return function draw() {
    const { costs, wire, before, target } = text();
    const one = state.layer >= 0;
    pickText.show(texts.indexOf(text()));
    shade.show(costs ? state.map : 0);
    shade.style.visibility = costs ? "visible" : "hidden";
    for (const button of shade.querySelectorAll("button")) button.disabled = !costs;
    known.show(data.known.findIndex(([, l, n]) => l === state.layer && (l < 0 || n === state.head)));
    layer.show(Math.max(0, state.layer));
    head.show(state.head);
    const key = costs && state.map === 1
      ? `the darker, the more ${target.trim()} loses by the cut in that head`
      : "one head's table: rows ask, columns answer, darker is more";
    const chosen = one ? `Chosen: layer ${state.layer}, head ${state.head}.` : `Chosen: the average of all ${layers * heads} heads.`;
    told = `${chosen} Columns are layers 0 to ${layers - 1}, rows heads 0 to ${heads - 1}. A cell: ${key}.`;
    tip.textContent = told;
    paint();
    drawSentence();
    cut.hidden = !costs;
    cut.disabled = !costs || !one;
    result.replaceChildren();
    if (!costs) return;
    const name = (i) => visible(text().tokens[i]);
    cut.setAttribute("aria-pressed", String(Boolean(state.cut && one)));
    cut.textContent = `Cut ${name(wire[0])} \u2192 ${name(wire[1])} in this head`;
    const left = state.cut && one ? before * Math.exp(-costs[state.layer * heads + state.head]) : before;
    result.append(insideGPT.bars([[target, left, percent(left)]], { largest: 1 }));
  };
};
insideGPT.drawers.attention.start = (data) => ({ text: data.text, layer: data.layer, head: data.head,
  from: data.texts[data.text].tokens.length - 1, map: 0, cut: 0 });
