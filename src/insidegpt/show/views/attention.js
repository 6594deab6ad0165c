// Who looks at whom: one head's weights as a table, for a chosen layer and head.
insideGPT.drawers.attention = function (stage, data) {
  const { h, slider, choices, visible } = insideGPT;
  const { tokens, layers, heads } = data;
  const T = tokens.length;
  const raw = Uint8Array.from(atob(data.weights), (c) => c.charCodeAt(0));
  let { layer, head } = data;

  // Weights are stored as bytes, only the part below the diagonal, row by row.
  const size = (T * (T + 1)) / 2;
  const weight = (l, k, t, s) => (s > t ? 0 : raw[(l * heads + k) * size + (t * (t + 1)) / 2 + s] / 255);

  const body = h("tbody");
  const say = h("p", { class: "ig-note", "aria-live": "polite" });
  function draw() {
    body.replaceChildren(...tokens.map((query, t) => h("tr", {},
      h("th", { scope: "row", class: "ig-q" }, visible(query)),
      tokens.map((_, s) => {
        const w = weight(layer, head, t, s);
        return s > t
          ? h("td", { class: "ig-future" }, "\u00b7")
          : h("td", { style: `--w:${w}` }, String(Math.round(100 * w)));
      }))));
    const row = tokens.map((_, s) => weight(layer, head, T - 1, s));
    const best = row.indexOf(Math.max(...row));
    say.textContent = `Layer ${layer}, head ${head}: the last word gives ${Math.round(100 * row[best])} % of its attention to \u201c${visible(tokens[best])}\u201d.`;
  }

  const layerSlider = slider({ label: "Layer", min: 0, max: layers - 1, value: layer, change: (v) => { layer = v; draw(); } });
  const headSlider = slider({ label: "Head", min: 0, max: heads - 1, value: head, change: (v) => { head = v; draw(); } });
  const known = data.known.length
    ? choices({ label: "Heads worth a look", options: data.known.map((k) => k[0]),
        change: (i) => { layerSlider.set(data.known[i][1]); headSlider.set(data.known[i][2]); } })
    : null;
  const table = h("table", { class: "ig-attention" },
    h("thead", {}, h("tr", {}, h("td", {}, "\u2193 asks, in % \u2192"), tokens.map((token) => h("th", { scope: "col", class: "ig-k" }, visible(token))))),
    body);
  stage.append(...[known, layerSlider, headSlider].filter(Boolean),
    h("div", { class: "ig-scroll", tabindex: "0", role: "group", "aria-label": "Attention weights" }, table), say);
  draw();
};
