// Shannon's game: guess a sentence letter by letter, beside models that have played it.
// A guess number is kept as one sign of CODES, and "-" for letters that were revealed.
insideGPT.drawers.guess = function (stage, data, { state, change }) {
  const { h, button } = insideGPT;
  const { sentences, given, models, columns } = data;
  const ENOUGH = 15; // letters before bounds mean anything
  const CODES = "0123456789abcdefghijklmnopqr", LETTERS = "abcdefghijklmnopqrstuvwxyz ";
  const say = (letter) => (letter === " " ? "space" : letter);
  const all = () => state.played.slice(1).split(".");
  const mine = () => all()[state.sentence];
  const at = () => given + mine().length; // the letter that is to be guessed
  const over = () => at() >= sentences[state.sentence].length;
  const keep = (more) => "g" + all().map((codes, i) => (i === state.sentence ? codes + more : codes)).join(".");

  function guess(letter) {
    if (over() || !LETTERS.includes(letter) || state.tried.slice(1).includes(letter === " " ? "_" : letter)) return;
    if (letter !== sentences[state.sentence][at()]) return change({ tried: state.tried + (letter === " " ? "_" : letter) });
    change({ played: keep(CODES[state.tried.length]), tried: "t" });
  }
  function reveal() { // to the end of the word
    const rest = sentences[state.sentence].slice(at());
    const word = rest.includes(" ") ? Math.max(1, rest.indexOf(" ")) : rest.length;
    if (!over()) change({ played: keep("-".repeat(word)), tried: "t" });
  }
  const move = (by) => change({ sentence: (state.sentence + by + sentences.length) % sentences.length, tried: "t" });

  // Guess numbers of the reader, or of a model for the letters that the reader guessed.
  function numbers(player) {
    const found = [];
    all().forEach((codes, s) => [...codes].forEach((code, i) => {
      if (code !== "-") found.push(player === null ? CODES.indexOf(code) : models[player].guesses[s][given + i]);
    }));
    return found;
  }
  const shown = (player) => models[player].guesses[state.sentence].slice(1, given); // before anything is guessed

  // Shannon 1951, equation 17.
  function bounds(found) {
    const q = Array.from({ length: 28 }, (_, i) => found.filter((n) => n === i + 1).length / found.length);
    const log = (x) => Math.log2(x);
    const upper = q.reduce((sum, p) => sum - (p > 0 ? p * log(p) : 0), 0);
    const lower = q.slice(0, 27).reduce((sum, p, i) => sum + (i + 1) * (p - q[i + 1]) * log(i + 1), 0);
    return [lower, upper];
  }

  const input = h("input", { type: "text", id: "ig-guess", size: 3, autocomplete: "off", autocapitalize: "off", spellcheck: "false",
    oninput: () => { const typed = input.value.slice(-1).toLowerCase(); input.value = ""; guess(typed); } });
  const keys = [...LETTERS].map((letter) => h("button", { type: "button", "aria-label": `Guess ${say(letter)}`, onclick: () => guess(letter) }, say(letter)));
  const text = h("div", { class: "ig-guess-text", role: "group", "aria-label": "The sentence so far", tabindex: 0 });
  const told = h("p", { class: "ig-guess-told", "aria-live": "polite" });
  const scores = h("div", { class: "ig-guess-scores" });
  const legend = h("p", { class: "ig-note" }, "Below each letter the guesses that it took: ", h("b", { class: "ig-you" }, "you"),
    columns.flatMap((player, i) => [", ", h("b", { class: `ig-p${i}` }, models[player].name)]), ".");
  stage.append(legend, text, told,
    h("div", { class: "ig-select" }, h("label", { for: "ig-guess" }, "Type a letter or a space"), input, "or press one:"),
    h("div", { class: "ig-choices ig-guess-keys", role: "group", "aria-label": "Letters" }, keys),
    h("div", { class: "ig-choices" }, button("Reveal this word", reveal), button("Previous sentence", () => move(-1)), button("Next sentence", () => move(1))),
    scores);

  const cell = (letter, own, i) => h("span", { class: "ig-cell-guess" }, h("b", {}, letter === " " ? "\u2423" : letter),
    h("small", { class: "ig-you" }, own), columns.map((player, n) => h("small", { class: `ig-p${n}` },
      i === null || i === 0 ? "\u00a0" : String(models[player].guesses[state.sentence][i]))));
  const number = (x, digits) => h("td", {}, x === null ? "\u2013" : x.toFixed(digits));
  function row(name, found, kind) {
    const some = found.length > 0, [lower, upper] = bounds(found);
    const mean = some ? found.reduce((a, b) => a + b) / found.length : null;
    const first = some ? (100 * found.filter((n) => n === 1).length) / found.length : null;
    return h("tr", {}, h("th", { scope: "row", class: kind }, name), h("td", {}, some ? `${Math.round(first)} %` : "\u2013"), number(mean, 1),
      h("td", {}, found.length >= ENOUGH ? `${lower.toFixed(1)} to ${upper.toFixed(1)}` : "\u2013"));
  }

  return function draw() {
    const sentence = sentences[state.sentence], codes = mine(), tried = state.tried.slice(1), count = numbers(null).length;
    const cells = [...sentence.slice(0, at())].map((letter, i) =>
      cell(letter, i < given ? "\u00a0" : codes[i - given] === "-" ? "\u2013" : String(CODES.indexOf(codes[i - given])), i));
    if (!over()) cells.push(cell("?", String(tried.length + 1), null));
    text.replaceChildren(...cells, ...[...sentence.slice(at() + 1)].map(() => cell("\u00b7", "\u00a0", null)));
    const left = sentence.length - at();
    told.textContent = over() ? `Sentence ${state.sentence + 1} of ${sentences.length} is complete.`
      : `${tried ? `Not ${[...tried].map((c) => say(c === "_" ? " " : c)).join(", ")}. ` : ""}What comes next? ${left} letter${left > 1 ? "s are" : " is"} hidden.`;
    keys.forEach((key, i) => key.setAttribute("aria-pressed", String(tried.includes(LETTERS[i] === " " ? "_" : LETTERS[i]))));
    const heads = ["", "right at once", "guesses", "bits"];
    scores.replaceChildren(h("p", { class: "ig-note" }, count ? `On the ${count} letter${count > 1 ? "s" : ""} that you have guessed:` : `On the ${given - 1} letters after the first that are shown:`),
      h("table", {}, h("thead", {}, h("tr", {}, heads.map((name) => (name ? h("th", { scope: "col" }, name) : h("td", {}))))),
        h("tbody", {}, row("you", numbers(null), "ig-you"), models.map((model, player) =>
          row(model.name, count ? numbers(player) : shown(player), columns.includes(player) ? `ig-p${columns.indexOf(player)}` : "")))));
  };
};
insideGPT.drawers.guess.start = (data) => ({ sentence: 0, played: "g" + ".".repeat(data.sentences.length - 1), tried: "t" });
