// All tokens end to end on a strip of length 1, cut by a filter and hit by a dart; each
// hit adds its token to the text, as far as the recorded tree of texts reaches.
insideGPT.drawers.sampling = function (stage, data, { state, change }) {
  const { h, slider, choices, button, bars, percent, visible } = insideGPT;
  const { names, vocabulary, temperatures, cuts, prompts } = data;
  const KINDS = ["nothing", "top-k", "top-p", "min-p"], PIECES = 40, ROWS = 5;
  const TIMES = temperatures.length - 1; // without temperature 0
  const [, P, M] = cuts.map((stops) => stops.length);
  const small = (p) => (p < 0.0005 ? "less than 0.1 %" : percent(p));
  const count = (n) => n.toLocaleString("en");
  let dart = null; // where it stuck: { at, text }

  // A node is packed as 16-bit numbers: how many names, then the fields of Node in Python.
  const read = prompts.map((prompt) => prompt.nodes.map((packed) => {
    const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
    const all = new DataView(bytes.buffer);
    let at = 0;
    const take = (n) => Array.from({ length: n }, () => all.getUint16(2 * at++, true));
    const [named] = take(1);
    return { tokens: take(named), gaps: take(named), tail: take(TIMES), counts: take(TIMES * (P + M)), masses: take(TIMES * M) };
  }));

  // The text so far: its tokens, and the node that it led to, or -1 outside the tree.
  function walk() {
    const tree = prompts[state.prompt], said = [];
    let node = 0;
    for (const step of state.path.split("-").filter(Boolean)) {
      const option = step === "t" ? -1 : Number(step);
      said.push(option < 0 ? null : names[read[state.prompt][node].tokens[option]]);
      node = option < 0 ? -1 : tree.next[`${node}.${option}`] ?? -1;
    }
    return { said, node };
  }

  // Shares of the named tokens, how many tokens the filter leaves, and their share.
  function distribution(node) {
    const { gaps, tail, counts, masses } = read[state.prompt][node];
    const t = state.temperature - 1, stop = state.stop;
    if (t < 0) return { shares: gaps.map((_, i) => (i ? 0 : 1)), kept: 1, mass: 1 };
    const weights = gaps.map((gap) => Math.exp(-gap / 1000 / temperatures[state.temperature]));
    const whole = weights.reduce((a, b) => a + b) / (1 - tail[t] / 65535);
    const shares = weights.map((w) => w / whole);
    const kept = [vocabulary, cuts[0][stop], counts[t * (P + M) + stop], counts[t * (P + M) + P + stop]][state.cut];
    const named = shares.slice(0, kept).reduce((a, b) => a + b, 0);
    const mass = kept <= gaps.length ? named : [1, named, cuts[1][stop], masses[t * M + stop] / 65535][state.cut];
    return { shares, kept, mass };
  }

  function toss() {
    const { node } = walk(), { shares, mass } = distribution(node);
    const at = Math.random() * mass;
    let end = 0, option = shares.findIndex((share) => (end += share) > at);
    const step = option < 0 ? "t" : String(option);
    change({ path: `${state.path}${step}-` });
    dart = { at, node, text: option < 0 ? "The dart hit one of the tokens whose names are not stored."
      : `The dart hit ${visible(names[read[state.prompt][node].tokens[option]])} (number ${option + 1}, ${small(shares[option])}).` };
    draw();
  }
  const set = (part) => { // what was drawn under other settings goes
    dart = null;
    change({ path: "", ...part });
  };

  const limit = (i) => (state.cut ? `${state.cut === 1 ? "k" : "p"} = ${cuts[state.cut - 1][i]}` : "all");
  const pick = choices({ label: "The text begins with", options: prompts.map((p) => p.prompt), change: (i) => set({ prompt: i }) });
  const text = h("p", { class: "ig-grown", "aria-live": "polite" });
  const strip = h("div", { class: "ig-strip", "aria-hidden": "true" });
  const say = h("p", { class: "ig-strip-note", "aria-live": "polite" });
  const rows = h("div");
  const go = button("Throw a dart", toss);
  const back = button("Take one back", () => { dart = null; change({ path: state.path.replace(/[^-]+-$/, "") }); });
  const heat = slider({ label: "Temperature", min: 0, max: TIMES, say: (i) => String(temperatures[i]), change: (i) => set({ temperature: i }) });
  const cut = choices({ label: "Which tokens to cut", options: KINDS, change: (i) => set({ cut: i }) });
  const amount = slider({ label: "Keep", min: 0, max: P - 1, say: limit, change: (i) => set({ stop: i }) });
  stage.append(pick, text, strip, say, h("div", { class: "ig-choices" }, go, back), rows, heat,
    h("div", { class: "ig-cutting" }, h("span", {}, "Cut by"), cut), amount);

  function drawStrip({ shares, mass }, node) {
    let left = 0;
    const piece = (share, kind, label) => {
      const style = `left:${100 * left}%;width:${100 * share}%`;
      left += share;
      return h("span", { class: `ig-share ${kind}`, style }, share > 0.07 ? h("i", {}, label) : "");
    };
    const pieces = shares.slice(0, PIECES).map((share, i) =>
      piece(share, `ig-tone${i % 2}`, visible(names[read[state.prompt][node].tokens[i]])));
    pieces.push(piece(1 - left, "ig-others", `${count(vocabulary - PIECES)} others`));
    pieces.push(h("span", { class: "ig-hatched", style: `left:${100 * mass}%` }));
    if (dart) pieces.push(h("span", { class: "ig-dart", style: `left:${100 * dart.at}%` }));
    strip.replaceChildren(...pieces);
  }

  function draw() {
    const { said, node } = walk();
    // Where the tree has ended, the strip stays the one that was hit last.
    const here = node >= 0 ? node : dart?.node ?? 0;
    const seen = dart ? dart.node : here;
    const now = distribution(seen);
    pick.show(state.prompt);
    heat.show(state.temperature);
    cut.show(state.cut);
    amount.show(state.stop);
    text.replaceChildren(prompts[state.prompt].prompt, ...said.map((token) =>
      h("span", { class: token === null ? "ig-drawn-other" : "ig-drawn-token" }, token ?? " (a token without a stored name)")), node < 0 ? "" : " \u2026");
    drawStrip(now, seen);
    const left = `${count(now.kept)} ${now.kept === 1 ? "token" : "tokens"} can be drawn; ${now.kept === 1 ? "its share" : "their share"} of the strip is ${percent(now.mass)}.`;
    say.textContent = `${left} ${dart?.text ?? ""} ${node < 0 ? "The recorded tree ends here: take the token back and throw again." : ""}`;
    go.disabled = node < 0;
    back.disabled = !said.length;
    const named = now.shares.slice(0, ROWS).map((share, i) =>
      [names[read[state.prompt][seen].tokens[i]], share, i < now.kept ? percent(share) : "cut"]);
    const rest = 1 - named.reduce((sum, row) => sum + row[1], 0);
    rows.replaceChildren(bars([...named, ["all\u00a0others", rest, percent(rest)]], { largest: 1 }));
  }
  return draw;
};
insideGPT.drawers.sampling.start = () => ({ prompt: 0, path: "", temperature: 4, cut: 2, stop: 3 });
