// An answer as it was recorded: token by token, with what else was likely. Choosing
// another token leads to the text that was recorded from there.
insideGPT.drawers.replay = function (stage, data, { state, change }) {
  const { h, button, slider } = insideGPT;
  const PACE = 220; // milliseconds a token
  const END = "end of the answer";
  let shown = 0, chosen = -1, timer = null, steps = [];

  const name = (n) => data.names[n] || END;
  // The options of a step: [token, share, line that begins with it or -1].
  const options = (line, at) => {
    const flat = line.steps[at];
    return flat.flatMap((n, i) => i % 2 ? [] : [[name(n), flat[i + 1] / 1000, line.forks[`${at}.${i / 2}`] ?? -1]]);
  };

  // A path names its forks, "5.1-3.2": at token 5 the second option, 3 tokens on the third.
  function walk(path) {
    let line = data.lines[0];
    const found = [];
    const take = (until) => {
      for (let at = 0; at < until; at++) found.push({ line, at, options: options(line, at), pick: 0 });
    };
    for (const fork of path ? path.split("-") : []) {
      const [at, pick] = fork.split(".").map(Number);
      take(at);
      found.push({ line, at, options: options(line, at), pick });
      line = data.lines[line.forks[fork]];
    }
    take(line.steps.length);
    return found;
  }

  // The path that leaves the text at token i with another option.
  function leave(i, pick) {
    const forks = [];
    let begin = 0;
    for (let n = 0; n < i; n++)
      if (steps[n].pick) {
        forks.push(`${n - begin}.${steps[n].pick}`);
        begin = n + 1;
      }
    if (pick) forks.push(`${i - begin}.${pick}`);
    return forks.join("-");
  }

  function choose(pick) {
    const i = chosen;
    change({ path: leave(i, pick) });
    shown = i + 1;
    chosen = i;
    play();
  }

  const text = h("div", { class: "ig-replay", onclick: (event) => {
    const i = [...text.children].indexOf(event.target);
    if (i >= 0) look(i);
  } });
  const place = slider({ label: "Token", min: 1, max: 1, say: (v) => `${v} of ${steps.length}`, change: (v) => look(v - 1) });
  const note = h("p", { class: "ig-note" });
  const list = h("div", { class: "ig-options", role: "group", "aria-label": "What else was likely" });
  const playing = button("Pause", () => (timer ? stop() : play()));
  const again = button("From the start", () => { stop(); shown = 0; chosen = -1; play(); });

  // Look at the i-th token; what lies before it has then been said.
  function look(i) {
    shown = Math.max(shown, i + 1);
    chosen = i;
    stop();
  }
  function tick() {
    if (shown >= steps.length) return stop();
    shown++;
    chosen = shown - 1;
    show();
    if (shown >= steps.length) stop();
  }
  function play() {
    if (shown >= steps.length) { shown = 0; chosen = -1; }
    clearInterval(timer);
    timer = setInterval(tick, PACE);
    show();
  }
  function stop() {
    clearInterval(timer);
    timer = null;
    show();
  }

  // The less sure the model was of a token, the more colour it has.
  function show() {
    text.replaceChildren(...steps.slice(0, shown).map((step, i) => {
      const [token, share] = step.options[step.pick];
      const kind = `ig-t${step.pick ? " ig-fork" : ""}${i === chosen ? " ig-here" : ""}`;
      return h("span", { class: kind, style: `--doubt:${Math.round(100 * (1 - share))}%` }, token === END ? "\u25a0" : token);
    }));
    place.querySelector("input").max = steps.length;
    place.show(Math.max(1, chosen + 1));
    if (timer) text.scrollTop = text.scrollHeight;
    playing.textContent = timer ? "Pause" : shown < steps.length ? "Play" : "Play again";
    showOptions();
  }

  function showOptions() {
    const step = steps[chosen];
    const last = chosen === steps.length - 1 && step && step.options[step.pick][0] !== END;
    note.textContent = !step ? "The model has read the question. Its first token comes next."
      : last ? "The recording ends here; the model would go on." : "For this place the model had these in mind:";
    const focused = [...list.children].indexOf(document.activeElement);
    const rows = step ? step.options : Array(4).fill(["\u2013", 0, -1]);
    list.replaceChildren(...rows.map(([token, share, to], n) => h("button", {
      type: "button", class: "ig-option-row", "aria-pressed": String(Boolean(step) && n === step.pick),
      disabled: !step || (n !== step.pick && n !== 0 && to < 0), title: step && n && to < 0 ? "Not recorded" : undefined,
      onclick: () => choose(n) },
      h("span", { class: "ig-name" }, insideGPT.visible(token)),
      h("span", { class: "ig-track" }, h("span", { style: `width:${100 * share}%` })),
      h("span", { class: "ig-number" }, step ? insideGPT.percent(share) : ""))));
    if (focused >= 0) list.children[focused].focus();
  }

  stage.append(h("p", { class: "ig-turn" }, h("b", {}, "You"), " ", data.question),
    h("div", { class: "ig-turn" }, h("b", {}, "Model"), text),
    h("div", { class: "ig-choices" }, playing, again), place, note, list);

  return function draw() {
    steps = walk(state.path);
    if (!shown && timer === null) { // it begins when it is seen, unless nothing shall move
      shown = steps.length;
      chosen = steps.findIndex((step) => step.pick === 0 && step.options[0][1] < 0.5);
      if (!matchMedia("(prefers-reduced-motion: reduce)").matches)
        new IntersectionObserver(([entry], watcher) => {
          if (!entry.isIntersecting) return;
          watcher.disconnect();
          shown = 0;
          play();
        }, { threshold: 0.6 }).observe(stage);
    }
    shown = Math.min(shown, steps.length);
    chosen = Math.min(chosen, shown - 1);
    show();
  };
};
insideGPT.drawers.replay.start = () => ({ path: "" });
