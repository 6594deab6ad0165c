// Where a summary comes from: choose a sentence of it and see what the text has of it.
insideGPT.drawers.origins = function (stage, data, { state, change }) {
  const { h, choices } = insideGPT;
  const { text, summaries } = data; // of each sentence: its words, its sources, and what is new
  const which = choices({ label: "Summary", options: summaries.map((s) => s.name), value: state.which,
    change: (which) => change({ which, at: 0 }) });
  const all = summaries.flatMap((summary) => summary.sentences);
  const said = summaries.map(() => h("div", { role: "group", "aria-label": "Sentences of the summary" }));
  const told = h("p", { class: "ig-result", "aria-live": "polite" });
  const spare = all.map((one) => h("p", { class: "ig-result", "aria-hidden": "true" }, tell(one)));
  const source = h("p", { class: "ig-origins-text" });
  // One above the other in the same place: it is as high as the longest of them.
  stage.append(which, h("div", { class: "ig-origins-said" }, said), h("div", { class: "ig-origins-told" }, [...spare, told]),
    h("p", { class: "ig-note" }, "The text, with the sentences marked that share most with the chosen one:"), source);

  // A sentence as a button; words that the text has nowhere are underlined.
  function sentence({ words }, n) {
    const parts = words.map(([word, isNew]) => (isNew ? h("u", {}, word) : h("span", {}, word)));
    const spaced = parts.flatMap((part) => [part, " "]);
    return h("button", { type: "button", "aria-pressed": String(n === state.at), onclick: () => change({ at: n }) }, spaced);
  }
  function tell({ words, from }) {
    const odd = words.filter((pair) => pair[1]).map((pair) => pair[0].replace(/[.,;:!?]+$/, ""));
    const drawn = { 0: "No sentence of the text has much of this one.", 1: "It shares many words with one sentence of the text." }[from.length]
      ?? `It shares many words with ${from.length} sentences of the text.`;
    return odd.length ? `${drawn} Nowhere in the text: ${odd.join(", ")}.` : drawn;
  }

  return function draw() {
    const { sentences } = summaries[state.which];
    const chosen = sentences[Math.min(state.at, sentences.length - 1)];
    which.show(state.which);
    const had = said[state.which].contains(document.activeElement);
    said.forEach((group, n) => {
      group.inert = n !== state.which;
      group.replaceChildren(...summaries[n].sentences.map(sentence));
      for (const button of group.children) button.disabled = group.inert;
    });
    if (had) said[state.which].children[state.at]?.focus();
    told.textContent = tell(chosen);
    source.replaceChildren(...text.flatMap((words, n) =>
      [h(chosen.from.includes(n) ? "mark" : "span", {}, words), " "]));
  };
};
insideGPT.drawers.origins.start = (data) => ({ which: data.begin, at: 0 });
