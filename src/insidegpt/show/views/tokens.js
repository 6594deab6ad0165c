// Tokens of a text: a chip each; the chosen one shows its bytes and how it was merged.
insideGPT.drawers.tokens = function (stage, data, { ask }) {
  const { h, select, slider, visible } = insideGPT;
  const chips = h("div", { class: "ig-chips", role: "group", "aria-label": "Tokens" });
  const count = h("p", { class: "ig-note", "aria-live": "polite" });
  const detail = h("div", { class: "ig-detail", "aria-live": "polite" });
  let tokens = [];

  function draw({ text, tokens: list }) {
    tokens = list;
    const bytes = list.reduce((sum, token) => sum + token.bytes.length, 0);
    count.textContent = `${list.length} tokens for ${[...text].length} characters, ${bytes} bytes.`;
    chips.replaceChildren(...list.map((token, i) => h("button",
      { type: "button", class: `ig-chip ig-band${i % 4}`, "aria-pressed": "false", onclick: () => choose(i) },
      visible(token.text))));
    choose(data.start ?? 0);
  }

  function choose(i) {
    i = Math.min(i, tokens.length - 1);
    [...chips.children].forEach((chip, j) => chip.setAttribute("aria-pressed", String(i === j)));
    const token = tokens[i];
    if (!token) return detail.replaceChildren(); // an empty text
    const hex = token.bytes.map((b) => b.toString(16).padStart(2, "0")).join(" ");
    const pieces = h("div", { class: "ig-pieces" });
    const last = token.steps.length - 1;
    const show = (step) => pieces.replaceChildren(
      ...token.steps[step].map((piece) => h("span", { class: "ig-piece" }, visible(piece))));
    show(last);
    detail.replaceChildren(
      h("p", {}, h("b", {}, visible(token.text)), ` is id ${token.id}, bytes ${hex}.`), pieces,
      last > 0
        ? slider({ label: "Merges done", min: 0, max: last, value: last, say: (s) => `${s} of ${last}`, change: show })
        : h("p", { class: "ig-note" }, "A single byte: nothing was merged."));
  }

  const names = data.texts.map((entry) => entry.name);
  let waiting; // as they type, but not for every letter; JupyterLab keeps Enter for itself
  const input = h("input", { type: "text", "aria-label": "Your own text", placeholder: "your own text",
    oninput: () => { clearTimeout(waiting); waiting = setTimeout(send, 300); } });
  async function send() {
    const text = input.value;
    const reply = text && await ask(text);
    if (reply && input.value === text) draw(reply); // else the reader has gone on
  }
  const pick = (i) => { input.value = ""; clearTimeout(waiting); draw(data.texts[i]); };
  stage.append(select({ label: "Text", options: names, change: pick }));
  if (ask) stage.append(input);
  stage.append(chips, count, detail);
  return () => draw(data.texts[0]);
};
