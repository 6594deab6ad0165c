// A request and its reply, as JSON: parts to add, and what was recorded for each choice.
// Lines that the last change brought are marked; a stream is played event by event.
insideGPT.drawers.request = function (stage, data, { state, change }) {
  const { h, button } = insideGPT;
  const PACE = 320; // milliseconds an event
  let before = null, timer = null, shown = 0;

  // A letter for each part, for the address: x where it is added, o where it isn't.
  const isOn = (i) => state.on[i] === "x";
  const recorded = () => data.replies[data.which[state.on]];

  function request() {
    const all = { ...data.base };
    data.parts.forEach((part, i) => {
      if (!isOn(i)) return;
      const messages = [...part.before, ...all.messages, ...part.after];
      Object.assign(all, { messages }, part.fields);
    });
    return all;
  }

  // JSON in lines: an object that holds no other objects stays on one.
  function lines(value, indent = "", name = "", end = "") {
    const inner = typeof value === "object" && value !== null ? Object.values(value) : [];
    if (!inner.some((v) => oneLine(v).includes("{"))) return [indent + name + oneLine(value) + end];
    const list = Array.isArray(value);
    const entries = Object.entries(value).map(([k, v]) => [list ? "" : `"${k}": `, v]);
    const inside = entries.flatMap(([key, v], i) =>
      lines(v, `${indent} `, key, i < entries.length - 1 ? "," : ""));
    return [indent + name + (list ? "[" : "{"), ...inside, indent + (list ? "]" : "}") + end];
  }

  function oneLine(value) {
    if (Array.isArray(value)) return `[${value.map(oneLine).join(", ")}]`;
    if (typeof value !== "object" || value === null) return JSON.stringify(value);
    return `{${Object.entries(value).map(([k, v]) => `"${k}": ${oneLine(v)}`).join(", ")}}`;
  }

  // The head is the same in all events and stands in the first alone.
  function eventLines(reply) {
    const events = reply.events.map((event, i) => {
      if (!i) return `data: ${oneLine({ ...reply.head, ...event })}`;
      return `data: {\u2026, ${oneLine(event).slice(1)}`;
    });
    return reply.done ? [...events, "data: [DONE]"] : events;
  }

  // A comma that came or went is no change.
  const plain = (text) => text.replace(/,$/, "");
  function fill(box, texts, old) {
    box.replaceChildren(...texts.map((text) =>
      h("span", { class: old && !old.has(plain(text)) ? "ig-json ig-new" : "ig-json" }, `${text}\n`)));
    const first = box.querySelector(".ig-new");
    box.scrollTop = first ? first.offsetTop - box.offsetTop - 60 : 0;
  }

  // What the client has so far of a streamed text.
  function textOf(events) {
    const said = events.map((e) => e.choices[0]?.delta.content ?? "").join("");
    return said ? `Put together: ${said}` : "Put together: nothing yet";
  }

  function showReply() {
    const reply = recorded();
    const old = before && before.streamed === Boolean(reply.events) && before.reply;
    if (reply.events) {
      const all = eventLines(reply).slice(0, shown);
      fill(replyBox, all, old);
      if (timer) replyBox.scrollTop = replyBox.scrollHeight;
      result.textContent = textOf(reply.events.slice(0, shown));
    } else {
      fill(replyBox, lines(reply.body), old);
      const { usage } = reply.body;
      result.textContent = usage
        ? `${usage.prompt_tokens} tokens read, ${usage.completion_tokens} written`
        : "Nothing was read or written";
    }
    status.textContent = `HTTP ${reply.status} ${reply.status === 200 ? "OK" : "Bad Request"}`;
    play.disabled = !reply.events;
    play.textContent = timer ? "Pause" : "Play the stream";
  }

  function stop() {
    clearInterval(timer);
    timer = null;
  }

  function run() {
    const { events } = recorded();
    if (shown > events.length) shown = 0;
    timer = setInterval(() => {
      shown++;
      if (shown > events.length) stop();
      showReply();
    }, PACE);
    showReply();
  }

  function flip(i) {
    stop();
    before = { request: new Set(lines(request()).map(plain)), reply: new Set(replyLines().map(plain)),
      streamed: Boolean(recorded().events) };
    const rivals = (part) => part.group && part.group === data.parts[i].group;
    const on = data.parts.map((part, j) => (j === i ? !isOn(i) : isOn(j) && !rivals(part)) ? "x" : "o").join("");
    change({ on, last: i });
    if (recorded().events && !matchMedia("(prefers-reduced-motion: reduce)").matches) {
      shown = 0;
      run();
    }
  }

  function replyLines() {
    const reply = recorded();
    return reply.events ? eventLines(reply) : lines(reply.body);
  }

  const switches = data.parts.map((part, i) => button(part.label, () => flip(i)));
  const note = h("p", { class: "ig-note ig-request-note" });
  const requestBox = h("pre", { tabindex: "0", "aria-label": "The request" });
  const replyBox = h("pre", { tabindex: "0", "aria-label": "The reply" });
  const status = h("b", {});
  const result = h("p", { class: "ig-request-result" });
  const play = button("Play the stream", () => {
    if (timer) { stop(); showReply(); } else { before = null; run(); }
  });
  stage.append(h("div", { class: "ig-choices", role: "group", "aria-label": "Parts of the request" }, switches),
    note,
    h("div", { class: "ig-exchange" },
      h("div", {}, h("b", {}, "POST /v1/chat/completions"), requestBox),
      h("div", {}, status, replyBox)),
    h("div", { class: "ig-request-end" }, result, play));

  return function draw() {
    if (!recorded()) throw new Error("no such request");
    switches.forEach((b, i) => b.setAttribute("aria-pressed", String(isOn(i))));
    const part = data.parts[state.last];
    note.textContent = part ? part.note : "Press a part to add it to the request.";
    fill(requestBox, lines(request()), before && before.request);
    shown = Infinity;
    showReply();
  };
};
insideGPT.drawers.request.start = (data) => ({
  on: data.parts.map((part) => (part.on ? "x" : "o")).join(""), last: -1,
});
