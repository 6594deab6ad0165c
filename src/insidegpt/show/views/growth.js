// A model at recorded moments of its training: what it answers, and how often rightly.
insideGPT.drawers.growth = function (stage, data, { state, change }) {
  const { h, slider, button, percent } = insideGPT;
  const W = 640, H = 190, LEFT = 8, RIGHT = 8, TOP = 30, LOW = 166;
  const last = data.moments.length - 1;
  const x = (i) => LEFT + (i + 0.5) * (W - LEFT - RIGHT) / (last + 1), y = (share) => LOW - share * (LOW - TOP);
  const WORDS = { right: "right", wrong: "wrong", unknown: "doesn\u2019t know", odd: "not as asked" };

  const moment = slider({ label: "Moment", min: 0, max: last, value: state.at, change: (at) => change({ at }),
    say: (i) => `${data.moments[i].stage}, step ${data.moments[i].step.toLocaleString("en")}` });
  const back = button("Back", () => change({ at: state.at - 1 })), next = button("Next", () => change({ at: state.at + 1 }));
  const plot = h("svg", { class: "ig-growth", viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": "Shares of answers along the training", onclick: (event) => {
    const box = plot.getBoundingClientRect();
    const at = Math.floor(((event.clientX - box.left) / box.width * W - LEFT) / ((W - LEFT - RIGHT) / (last + 1)));
    change({ at: Math.max(0, Math.min(last, at)) });
  } });
  const note = h("p", { class: "ig-note ig-growth-note", "aria-live": "polite" });
  const list = h("div", { class: "ig-growth-list" });
  stage.append(moment, h("div", { class: "ig-choices" }, back, next), plot, note, list);

  // The stages as bands, and a line for each share.
  const fixed = [];
  data.stages.forEach((name, n) => {
    const mine = data.moments.map((m, i) => [m, i]).filter(([m]) => m.stage === name).map(([, i]) => i);
    const from = x(mine[0]) - x(0) + LEFT, width = mine.length * (x(1) - x(0));
    fixed.push(h("rect", { x: from, y: TOP - 24, width, height: LOW - TOP + 30, class: `ig-growth-band${n % 2}` }),
      h("text", { x: from + width / 2, y: TOP - 8, "text-anchor": "middle" }, name));
  });
  data.curves.forEach((name, n) => fixed.push(h("polyline", { class: `ig-growth-${n}`,
    points: data.moments.map((m, i) => `${x(i)},${y(m.shares[n])}`).join(" ") })));

  return function draw() {
    const at = (state.at = Math.max(0, Math.min(last, Math.round(state.at)))), now = data.moments[at];
    moment.show(at);
    back.disabled = at === 0;
    next.disabled = at === last;
    plot.replaceChildren(...fixed, h("line", { x1: x(at), x2: x(at), y1: TOP, y2: LOW, class: "ig-growth-now" }),
      ...now.shares.map((share, n) => h("circle", { cx: x(at), cy: y(share), r: 5, class: `ig-growth-${n}` })));
    note.replaceChildren(...data.curves.flatMap((name, n) => [h("span", { class: `ig-growth-name ig-growth-${n}` }, `${name}: ${percent(now.shares[n])}`), " "]));
    list.replaceChildren(...data.asked.map(({ turns, about, answer }, n) => {
      const [text, kind] = now.says[n];
      const good = kind === "right" || text === answer;
      return h("div", { class: "ig-growth-talk" },
        h("p", { class: "ig-note" }, about),
        ...turns.map(({ role, content }) => h("p", { class: "ig-growth-turn" }, h("b", {}, role), " ", content)),
        h("p", { class: "ig-growth-said" }, h("b", {}, "model"), " ", text.trim() || "\u2013", " ",
          h("span", { class: `ig-growth-badge${good ? " ig-good" : ""}` }, WORDS[kind])));
    }));
  };
};
insideGPT.drawers.growth.start = (data) => ({ at: data.moments.length - 1 });
