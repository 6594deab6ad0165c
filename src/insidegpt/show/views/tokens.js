// A text as two tokenizers cut it: a chip for each token, and for the chosen one the tree
// of the merges that made it. Texts to begin with are stored with their merges; for any
// other text the page loads the vocabularies and encodes it here.
insideGPT.drawers.tokens = function (stage, data, { state, change, extra }) {
  const { h, slider, choices, visible } = insideGPT;
  const { pack, unpack } = insideGPT.drawers.tokens;
  const strict = new TextDecoder("utf-8", { fatal: true });
  const hex = (bytes) => bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  function letters(bytes) { // half a character is no text
    try { return visible(strict.decode(Uint8Array.from(bytes))); } catch { return hex(bytes); }
  }
  const many = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;
  const loaded = []; // a tokenizer for each model, once somebody has typed
  let traces = data.texts[0].traces, drawn = null, parts = [];

  // Traces of a text by all models, or null while the vocabularies are on their way.
  function encoded(text) {
    const known = data.texts.find((entry) => entry.text === text);
    if (known) return known.traces;
    if (loaded.length) return loaded.map((tokenizer) => tokenizer.trace(text));
    Promise.all(data.models.map(({ file }) => insideGPT.tokenizer(file, extra)))
      .then((all) => { loaded.splice(0, all.length, ...all); draw(); },
        () => { note.textContent = "The vocabularies could not be loaded, so only the texts above can be shown."; });
    return null;
  }

  // Tokens in a row: [pre-token, from this byte, to that one, id].
  function tokensOf(trace) {
    return trace.flatMap(([bytes, ids, merges], piece) => {
      const starts = bytes.map((_, i) => i);
      for (const [at] of merges) starts.splice(at + 1, 1);
      return ids.map((id, i) => [piece, starts[i], starts[i + 1] ?? bytes.length, id]);
    });
  }

  // The first token of the pre-token with the most merges.
  function busiest(trace) {
    const counts = trace.map(([, , merges]) => merges.length);
    return tokensOf(trace).findIndex(([piece]) => counts[piece] === Math.max(...counts));
  }

  const box = h("textarea", { rows: 2, maxlength: 300, spellcheck: "false", "aria-label": "Your own text",
    oninput: () => change({ text: pack(box.value), token: 9999, step: 9999 }) }); // where one writes
  const texts = choices({ label: "Texts to begin with", options: data.texts.map((entry) => entry.name),
    change: (i) => change({ text: pack(data.texts[i].text), token: busiest(data.texts[i].traces[state.model]), step: 9999 }) });
  const models = choices({ label: "Which tokenizer", options: data.models.map((m) => m.name), change: (i) => change({ model: i }) });
  const note = h("p", { class: "ig-note", "aria-live": "polite" });
  const chips = h("div", { class: "ig-text", role: "group", "aria-label": "Tokens" });
  const chosen = h("p", { class: "ig-one-line" });
  const said = h("p", { class: "ig-note ig-one-line", "aria-live": "polite" });
  const tree = h("div", { class: "ig-tree", tabindex: 0, role: "group", "aria-label": "Merges" });
  let last = 0;
  const steps = slider({ label: "Merges done", min: 0, max: 1, say: (s) => `${s} of ${last}`, change: (step) => change({ step }) });
  stage.append(texts, box, models, chips, note, chosen, steps, said, tree);

  function drawChips(trace) {
    parts = tokensOf(trace);
    chips.replaceChildren(...parts.map(([piece, from, to], i) => {
      const text = letters(trace[piece][0].slice(from, to));
      const apart = i && parts[i - 1][0] !== piece ? " ig-apart" : "";
      return h("button", { type: "button", class: `ig-tok ig-tone${i % 2}${apart}`, onclick: () => change({ token: i, step: 9999 }) }, text);
    }).flatMap((chip) => chip.textContent.includes("\u21b5") ? [chip, h("br")] : [chip]));
  }

  // Where each part of a pre-token is after each merge: [row, middle, from, to, text, rank].
  function grow(bytes, merges) {
    const row = bytes.map((_, i) => ({ row: 0, x: i + 0.5, from: i, to: i + 1 }));
    const nodes = [...row];
    merges.forEach(([at, rank], i) => {
      const [left, right] = row.slice(at, at + 2);
      const node = { row: i + 1, x: (left.x + right.x) / 2, from: left.from, to: right.to, rank, left, right };
      row.splice(at, 2, node);
      nodes.push(node);
    });
    return nodes.map((node) => ({ ...node, text: letters(bytes.slice(node.from, node.to)), end: row.includes(node) }));
  }

  // Characters of several bytes, and the middle of each.
  function wide(bytes) {
    let at = 0;
    try {
      return [...strict.decode(Uint8Array.from(bytes))].map((c) => {
        const size = new TextEncoder().encode(c).length;
        at += size;
        return [c, at - size / 2, size];
      }).filter(([, , size]) => size > 1);
    } catch { return []; } // a byte was lost
  }

  const ROW = 24, EDGE = 12;
  function drawTree(bytes, merges, step) {
    const unit = Math.max(19, Math.min(34, (tree.clientWidth - 110) / Math.max(1, bytes.length)));
    const above = wide(bytes), top = above.length ? ROW : 0;
    const [width, height] = [EDGE + bytes.length * unit, top + (merges.length + 1) * ROW];
    const y = (node) => top + (node.row + 0.5) * ROW, x = (node) => EDGE + node.x * unit;
    const all = grow(bytes, merges);
    const half = (node) => 4 + 4.2 * [...node.text].length;
    function branch(node, part) {
      const away = x(part) - x(node), beside = Math.abs(away) > half(node);
      const end = beside ? `V${y(node)}H${x(node) + Math.sign(away) * half(node)}` : `V${y(node) - 10}`;
      return h("path", { class: "ig-branch", d: `M${x(part)} ${y(part) + 10}${end}` });
    }
    const name = (node) => [node.row && node.end ? h("rect", { class: "ig-whole",
      x: x(node) - half(node), y: y(node) - 10, width: 2 * half(node), height: 20, rx: 3 }) : null,
    h("text", { x: x(node), y: y(node) + 4.5, class: "ig-middle" }, node.text)];
    const later = (node) => node.row > step ? "ig-later" : "";
    const merged = all.filter((node) => node.row);
    const ranks = merged.map((node) => h("text", { x: width + 92, y: y(node) + 4.5, class: `ig-end ${node.row === step ? "ig-now" : later(node)}` },
      `merge ${node.rank.toLocaleString("en")}`));
    tree.replaceChildren(h("svg", { width: width + 96, height, role: "img", "aria-label": all.map((n) => n.text).join(", ") },
      above.map(([text, at]) => h("text", { x: EDGE + at * unit, y: 17, class: "ig-middle" }, text)),
      merged.map((node) => h("g", { class: later(node) }, branch(node, node.left), branch(node, node.right))),
      all.map((node) => h("g", { class: later(node) }, ...name(node))), ranks));
    tree.scrollTop = Math.max(0, top + step * ROW - tree.clientHeight / 2);
    return all;
  }

  function drawToken() {
    const at = Math.min(state.token, parts.length - 1);
    [...chips.querySelectorAll("button")].forEach((chip, i) => chip.setAttribute("aria-pressed", String(i === at)));
    const [piece, from, to, id] = parts[at] ?? [];
    const [bytes, , merges] = traces[state.model][piece] ?? [[], [], []];
    const step = Math.min(state.step, merges.length);
    last = merges.length;
    steps.querySelector("input").max = last;
    steps.show(step);
    const part = bytes.slice(from, to);
    chosen.replaceChildren(...(parts.length ? [h("b", {}, letters(part)), ` is id ${id}, bytes ${hex(part)}.`] : ["\u00a0"]));
    const all = drawTree(bytes, merges, step);
    const node = all.find((n) => n.row === step && step > 0);
    const text = ({ from: a, to: b }) => letters(bytes.slice(a, b));
    said.textContent = node ? `${text(node.left)} + ${text(node.right)} was merge ${node.rank.toLocaleString("en")} of ${data.merges[state.model].toLocaleString("en")}.`
      : last ? "No merge yet: the pre-token is a row of bytes." : "No pair of neighbours here was ever merged.";
  }

  function draw() {
    const text = unpack(state.text);
    const now = encoded(text);
    if (box.value !== text) box.value = text;
    texts.show(data.texts.findIndex((entry) => entry.text === text));
    models.show(state.model);
    if (!now) note.textContent = "Loading the vocabularies \u2026";
    traces = now ?? traces;
    const key = `${state.model} ${now ? text : drawn}`;
    if (key !== drawn && now) drawChips(traces[state.model]);
    drawn = now ? key : drawn;
    data.models.forEach(({ name }, i) => { models.children[i].textContent = `${name}: ${many(tokensOf(traces[i]).length, "token")}`; });
    if (now) note.textContent = `${many([...text].length, "character")}, ${many(new TextEncoder().encode(text).length, "byte")}, ${many(now[state.model].length, "pre-token")}. Gaps are cuts between pre-tokens.`;
    drawToken();
  }
  return draw;
};
// A text in letters that an address may hold, and back.
insideGPT.drawers.tokens.pack = (text) => text.replace(/[^A-Za-z0-9 ]/gu, (c) => `_${c.codePointAt(0).toString(36)}.`);
insideGPT.drawers.tokens.unpack = (text) => text.replace(/_(\w+)\./g, (_, n) => String.fromCodePoint(parseInt(n, 36)));
insideGPT.drawers.tokens.start = (data) => ({ model: 0, text: insideGPT.drawers.tokens.pack(data.texts[0].text), token: data.token, step: data.step });
