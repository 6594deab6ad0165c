// How an answer is made: one pipeline that stays, and the same way for every token.
insideGPT.drawers.steps = function (stage, data, { state, change }) {
  const { h, button, bars, visible } = insideGPT;
  const { rounds, ids } = data;
  const chosen = (round) => rounds[round].top[0];
  const last = rounds.length - 1;
  const pieces = (texts, fresh = 0) => h("div", { class: "ig-pieces" },
    texts.map((text, i) => h("span", { class: i >= texts.length - fresh ? "ig-piece ig-fresh" : "ig-piece" }, text)));
  const tokens = (pairs, fresh) => h("div", { class: "ig-pieces" }, pairs.map(([name, id], i) =>
    h("span", { class: i >= pairs.length - fresh ? "ig-piece ig-fresh ig-id" : "ig-piece ig-id" }, visible(name), h("small", {}, String(id)))));
  const vector = (numbers) => pieces([...numbers.map((x) => (x > 0 ? `+${x}` : String(x))), "\u2026"]);
  const count = (n) => n.toLocaleString("en");

  const stations = [
    ["Form", () => [`Special tokens mark who speaks. The last line opens the answer, which the model will continue.`,
      pieces([...data.form, ...rounds.slice(0, state.round).map((_, i) => visible(chosen(i)[0]))], state.round)]],
    ["Tokens", () => [`${ids.length + state.round} tokens, each with its number in a vocabulary of ${count(data.vocabulary)}.`,
      tokens([...data.names.map((name, i) => [name, ids[i]]), ...rounds.slice(0, state.round).map((_, i) => [chosen(i)[0], chosen(i)[2]])], state.round)]],
    ["Vectors", () => [`Each number becomes a row of a table, ${data.width} numbers long. These are the first six of the last token's:`,
      vector(rounds[state.round].first)]],
    [`${data.layers} blocks`, () => ["In each block the tokens look at each other, then each is worked on alone. The same six numbers afterwards:",
      vector(rounds[state.round].last)]],
    ["Scores", () => [`The last vector is compared with all ${count(data.vocabulary)} tokens. The six likeliest:`,
      bars(rounds[state.round].top.map(([name, p]) => [name, p]), { largest: 1 })]],
    ["Choice", () => [state.round < last
      ? "The likeliest is taken and appended. Then everything starts again, with one token more."
      : "This token ends a message. The loop stops, and you see the answer.", pieces([visible(chosen(state.round)[0])], 1)]],
  ];

  const steps = stations.map(([name], i) => button(name, () => change({ step: i })));
  const line = h("div", { class: "ig-line", role: "group", "aria-label": "Stations" }, steps);
  const panel = h("div", { class: "ig-station", "aria-live": "polite" });
  const answer = h("p", { class: "ig-answer-line" });
  const back = button("Back", () => change(state.step ? { step: state.step - 1 } : { step: 5, round: state.round - 1 }));
  const next = button("Next station", () => change(state.step < 5 ? { step: state.step + 1 } : { step: 0, round: state.round + 1 }));
  const round = button("Next token", () => change(state.step < 5 ? { step: 5 } : { round: state.round + 1 }));
  stage.append(line, panel, answer, h("div", { class: "ig-choices" }, back, next, round));

  return function draw() {
    state.round = Math.max(0, Math.min(last, Math.round(state.round)));
    state.step = Math.max(0, Math.min(5, Math.round(state.step)));
    steps.forEach((step, i) => step.setAttribute("aria-pressed", String(i === state.step)));
    const [text, drawn] = stations[state.step][1]();
    panel.replaceChildren(h("p", {}, text), drawn);
    const taken = state.round + (state.step === 5 ? 1 : 0);
    const said = rounds.slice(0, Math.min(taken, last)).map((_, i) => chosen(i)[0]).join("");
    answer.replaceChildren(h("b", {}, `Run ${state.round + 1} of ${rounds.length}. `), said ? `Answer so far: ${said}` : "No answer yet.");
    back.disabled = !state.step && !state.round;
    next.disabled = state.step === 5 && state.round === last;
    round.disabled = state.step === 5 && state.round === last;
  };
};
insideGPT.drawers.steps.start = () => ({ round: 0, step: 0 });
