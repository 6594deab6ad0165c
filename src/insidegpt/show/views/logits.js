// What the model expects next: at every position, and as read at every depth.
insideGPT.drawers.logits = function (stage, data) {
  const { h, slider, bars, visible, choices } = insideGPT;
  const state = { position: data.tokens.length - 1, depth: data.depths.length - 1 };
  const panel = h("div", { "aria-live": "polite" });
  function draw() {
    const rows = data.top[state.depth][state.position];
    const before = data.tokens.slice(0, state.position + 1).map(visible).join("");
    panel.replaceChildren(h("p", { class: "ig-note" }, `After \u201c${before}\u201d` +
      (data.depths.length > 1 ? `, read after block ${data.depths[state.depth]}` : "") + ":"),
      bars(rows.map(([token, p]) => [token, p]), { largest: 1 }));
  }
  stage.append(choices({ label: "Position", options: data.tokens.map(visible), value: state.position,
    change: (i) => { state.position = i; draw(); } }));
  if (data.depths.length > 1)
    stage.append(slider({ label: "Blocks passed", min: 0, max: data.depths.length - 1, value: state.depth,
      say: (v) => `${data.depths[v]} of ${data.depths.at(-1)}`, change: (v) => { state.depth = v; draw(); } }));
  stage.append(panel);
  return draw;
};
