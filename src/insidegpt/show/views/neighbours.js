// The rows of the table nearest to a reader's word; each of them leads on to its own.
insideGPT.drawers.neighbours = function (stage, data, { state, change }) {
  const { h } = insideGPT;
  const words = data.words.split(" ");
  const near = new Uint16Array(Uint8Array.from(atob(data.near), (c) => c.charCodeAt(0)).buffer);
  const each = near.length / data.count;
  // Hundredths below 1: of a mean, and of the first neighbour, then of each from the last.
  const step = (text, i) => text.charCodeAt(i) - 35;
  const mean = (at) => 100 - step(data.means, at);
  function cosine(at, n) {
    let left = 100;
    for (let i = 0; i <= n; i++) left -= step(data.cosines, at * each + i);
    return left;
  }
  const known = words.slice(0, data.count);
  const small = known.map((word) => word.toLowerCase());
  const find = (text) => {
    const exact = known.indexOf(text);
    return exact >= 0 ? exact : small.indexOf(text.toLowerCase());
  };
  const go = (word) => { input.value = word; change({ word }); };

  const input = h("input", { type: "text", id: "ig-word", size: 14, autocomplete: "off", autocapitalize: "off",
    spellcheck: "false", oninput: () => type(input.value.trim()) });
  const said = h("p", { class: "ig-note ig-one", "aria-live": "polite" });
  const begins = h("div", { class: "ig-choices ig-begins", role: "group", "aria-label": "Words to choose" });
  const rows = h("div", { class: "ig-options", role: "group", "aria-label": "Nearest words" });
  stage.append(h("div", { class: "ig-select" }, h("label", { for: "ig-word" }, "A word"), input), begins, rows, said);

  // What is typed changes the picture only when it is a word of the list.
  function type(text) {
    if (find(text) >= 0) change({ word: known[find(text)] });
    else offer(text);
  }
  function offer(text) {
    const start = text.toLowerCase();
    const typing = start && find(text) < 0;
    const fit = known.filter((word, i) => typing && small[i].startsWith(start)).slice(0, 5);
    const names = fit.length ? fit : data.offers;
    begins.replaceChildren(...names.map((word) => h("button", { type: "button", onclick: () => go(word) }, word)));
    if (find(text) < 0 && !fit.length)
      said.textContent = `No word of the list begins with “${text}”. It has the ${data.count.toLocaleString("en")} commonest.`;
  }

  function row(at, n) {
    const [to, share] = [near[at * each + n], cosine(at, n)];
    const leads = to < data.count; // its own neighbours are stored
    return h("button", { type: "button", class: "ig-option-row ig-near", disabled: !leads,
      "aria-label": `${words[to]}, cosine ${(share / 100).toFixed(2)}`,
      onclick: () => { go(words[to]); rows.children[0].focus(); } },
    h("span", { class: "ig-name" }, words[to]),
    h("span", { class: "ig-track ig-ticked" }, h("span", { style: `width:${share}%` }),
      h("i", { style: `left:${mean(at)}%` })),
    h("span", {}, (share / 100).toFixed(2)));
  }

  return function draw() {
    const at = Math.max(0, find(state.word));
    if (find(input.value.trim()) !== at) input.value = known[at];
    said.textContent = `The thin line, ${(mean(at) / 100).toFixed(2)}, is the mean cosine of ${known[at]} to all words.`;
    offer(input.value.trim());
    rows.replaceChildren(...Array.from({ length: each }, (_, n) => row(at, n)));
  };
};
insideGPT.drawers.neighbours.start = (data) => ({ word: data.word });
