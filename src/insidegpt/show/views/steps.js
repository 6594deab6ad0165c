// A journey in steps: each has a title, a sentence and rows of real numbers.
insideGPT.drawers.steps = function (stage, data) {
  const { h, choices, bars, visible } = insideGPT;
  const panel = h("div", { class: "ig-step", "aria-live": "polite" });
  let at = 0;
  function draw() {
    const step = data.steps[at];
    panel.replaceChildren(h("p", { class: "ig-title" }, `${at + 1}. ${step.title}`), h("p", {}, step.text),
      step.bars ? bars(step.bars, { largest: 1 })
        : h("div", { class: "ig-pieces" }, (step.pieces ?? []).map((p) => h("span", { class: "ig-piece" }, visible(p)))));
    pick.show(at);
    back.disabled = at === 0;
    next.disabled = at === data.steps.length - 1;
  }
  const go = (i) => { at = i; draw(); };
  const pick = choices({ label: "Step", options: data.steps.map((_, i) => String(i + 1)), change: go });
  const back = h("button", { type: "button", onclick: () => go(at - 1) }, "Back");
  const next = h("button", { type: "button", onclick: () => go(at + 1) }, "Next");
  stage.append(pick, panel, h("div", { class: "ig-choices" }, back, next));
  return draw;
};
