// A question before its answer: what one commits to stays beside what came out.
insideGPT.drawers.predict = function (stage, data, { figure }) {
  const { h, button, visible } = insideGPT;
  const said = h("p", { class: "ig-said", "aria-live": "polite" });
  // In a built page the answer below is a <details>; in a kernel there is none.
  const answer = figure.closest(".cell")?.nextElementSibling;
  function commit(text, ...shown) {
    said.replaceChildren(...text);
    asked.after(...shown);
    go?.remove();
    if (answer?.matches("details.ig-answer")) answer.open = true;
  }
  const strong = (text) => h("strong", {}, text);
  const kinds = { choice, number, token, curve };
  const [asked, go] = kinds[data.kind]();
  stage.append(h("p", { class: "ig-question" }, strong("Predict. "), data.question), asked, go ?? "", said);
  return () => {};

  function choice() {
    const buttons = data.options.map((name, i) => h("button", { type: "button",
      class: "ig-option", onclick: () => {
        buttons.forEach((b, j) => {
          b.disabled = true;
          if (j === data.answer) b.classList.add("ig-truth");
          if (j === i) b.setAttribute("aria-pressed", "true");
        });
        commit(i === data.answer ? ["You said ", strong(name), ", and so it is."]
          : ["You said ", strong(name), "; it is ", strong(data.options[data.answer]), "."]);
      } }, name));
    return [h("div", { class: "ig-choices", role: "group", "aria-label": "Your guess" }, buttons), null];
  }

  function number() {
    const { low, high, step, unit, answer: truth } = data;
    const say = (v) => `${Number(v.toPrecision(3)).toLocaleString("en")}${unit && " "}${unit}`;
    const row = insideGPT.slider({ label: "Your guess", min: low, max: high, step, value: data.begin, say, change: () => {} });
    const input = row.querySelector("input");
    const at = (v) => `${(100 * (v - low)) / (high - low)}%`;
    return [row, button("I commit to this", () => {
      input.disabled = true;
      const guess = Number(input.value);
      commit(["You said ", strong(say(guess)), "; it is ", strong(say(truth)), "."],
        h("div", { class: "ig-rule", "aria-hidden": "true" },
          h("span", { class: "ig-mark", style: `left:${at(guess)}` }, h("i", {}, "you")),
          h("span", { class: "ig-mark ig-truth", style: `left:${at(truth)}` }, h("i", {}, "model"))));
    })];
  }

  function token() {
    const input = h("input", { type: "text", "aria-label": "Your guess", size: 16, autocomplete: "off", spellcheck: "false" });
    const form = h("form", { class: "ig-choices", onsubmit: (event) => {
      event.preventDefault();
      const guess = input.value.trim();
      if (!guess) return input.focus();
      input.disabled = true;
      form.querySelector("button").remove();
      const rank = data.likely.findIndex(([name]) => name.trim().toLowerCase() === guess.toLowerCase());
      const truth = [strong(visible(data.answer)), "."];
      commit(rank === 0 ? ["You said ", strong(guess), ", and so does the model."]
        : rank > 0 ? ["You said ", strong(guess), `, the model's number ${rank + 1}; its first choice is `, ...truth]
          : ["You said ", strong(guess), `, which is not among the model's ${data.likely.length} likeliest; its first choice is `, ...truth],
      insideGPT.bars(data.likely.slice(0, 5), { largest: 1 }));
    } }, input, h("button", { type: "submit" }, "I commit to this"));
    return [form, null];
  }

  // A handle for each x; drag it, or focus it and use the arrow keys.
  function curve() {
    const { x, y, low, high, xlabel, ylabel } = data;
    const [W, H, left, right, top, bottom] = [600, 260, 46, 20, 12, 40];
    const px = (i) => left + (i * (W - left - right)) / (x.length - 1);
    const py = (v) => top + ((high - v) * (H - top - bottom)) / (high - low);
    const line = (values, name) => h("polyline", { class: name, points: values.map((v, i) => `${px(i)},${py(v)}`).join(" ") });
    const guess = x.map(() => (low + high) / 2);
    const mine = h("g"), round = (v) => Number(v.toPrecision(2));
    const handles = x.map((at, i) => h("circle", { class: "ig-handle", r: 11, cx: px(i), tabindex: 0, role: "slider",
      "aria-label": `${xlabel} ${at}`, "aria-valuemin": low, "aria-valuemax": high,
      onkeydown: (event) => {
        const by = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1 }[event.key];
        if (by && !done) { event.preventDefault(); set(i, guess[i] + (by * (high - low)) / 20); }
      },
      onpointerdown: (event) => handles[i].setPointerCapture(event.pointerId),
      onpointermove: (event) => {
        if (done || !handles[i].hasPointerCapture(event.pointerId)) return;
        const box = svg.getBoundingClientRect();
        set(i, high - ((((event.clientY - box.top) * H) / box.height - top) * (high - low)) / (H - top - bottom));
      } }));
    let done = false;
    function set(i, v) {
      guess[i] = Math.min(high, Math.max(low, v));
      draw();
    }
    function draw() {
      mine.replaceChildren(line(guess, "ig-guess"));
      handles.forEach((c, i) => {
        c.setAttribute("cy", py(guess[i]));
        c.setAttribute("aria-valuenow", round(guess[i]));
      });
    }
    const text = (content, props) => h("text", props, content);
    const svg = h("svg", { viewBox: `0 0 ${W} ${H}`, class: "ig-curve", role: "group", "aria-label": "Draw the curve" },
      h("path", { class: "ig-axis", d: `M${left} ${top}V${H - bottom}H${W - right}` }),
      text(high, { x: left - 6, y: top + 10, "text-anchor": "end" }), text(low, { x: left - 6, y: H - bottom, "text-anchor": "end" }),
      x.map((at, i) => text(at, { x: px(i), y: H - bottom + 18, "text-anchor": "middle" })),
      text(xlabel, { x: W - right, y: H - 4, "text-anchor": "end" }), text(ylabel, { x: left + 8, y: top + 10 }), mine, handles);
    draw();
    return [svg, button("I commit to this", () => {
      done = true;
      svg.append(line(y, "ig-true"));
      commit(["Dashed is what you drew, solid is what came out."]);
    })];
  }
};
