// A calculator: what a model costs to train, to run, and to ask once. The same formulas
// as insidegpt.measure.price, with the same names; a test holds one against the other.
insideGPT.drawers.cost = function (stage, data, { state, change }) {
  const { h, slider, choices } = insideGPT;
  const { models, processors, bits } = data;
  const model = () => models[state.model], processor = () => processors[state.processor];
  const { plan, bill } = insideGPT.drawers.cost;

  const UP = "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079";
  const number = (v) => Number(v.toPrecision(2)).toLocaleString("en", { maximumFractionDigits: 12 });
  function power(value) { // 3.2 × 10¹⁴
    let k = Math.floor(Math.log10(value)), front = (value / 10 ** k).toPrecision(2);
    if (Number(front) >= 10) { k += 1; front = "1.0"; }
    return `${front} \u00d7 10${String(k).replace(/\d/g, (digit) => UP[digit])}`;
  }
  // The largest unit of which there is one, after rounding.
  const scaled = (value, units) => {
    const [size, name] = units.find(([u]) => value >= 0.995 * u) ?? units.at(-1);
    return [number(value / size), name];
  };
  const THOUSANDS = [[1e15, " quadrillion"], [1e12, " trillion"], [1e9, " billion"], [1e6, " million"], [1, ""]];
  const count = (v) => scaled(v, THOUSANDS).join("");
  const bytes = (v) => scaled(v, [[1e15, "PB"], [1e12, "TB"], [1e9, "GB"], [1e6, "MB"], [1e3, "KB"]]).join(" ");
  const energy = (wh) => scaled(wh, [[1e12, "TWh"], [1e9, "GWh"], [1e6, "MWh"], [1e3, "kWh"], [1, "Wh"], [1e-3, "mWh"], [1e-6, "\u00b5Wh"]]).join(" ");
  const exact = (v) => (v < 10 ? v.toPrecision(2) : number(v));
  function dollars(usd) {
    const [n, name] = scaled(usd, THOUSANDS);
    if (usd < 1e-6) return `$${power(usd).replace("10-", "10\u207b")}`;
    return name || usd >= 10 ? `$${n}${name}` : usd >= 1 ? `$${usd.toFixed(2)}` : `$${Number(usd.toPrecision(2)).toFixed(7).replace(/(\.\d\d\d*?)0+$/, "$1")}`;
  }
  const chips = (n) => `${count(n)} ${processor().name}${n === 1 ? "" : "s"}`;
  const need = (v) => Math.max(1, Math.ceil(v / (data.room * processor().memory_bytes)));

  const marked = () => Math.round(10 * Math.log10(model().trained_tokens)); // of the slider
  const pick = h("select", { id: "ig-cost-model", onchange: () => change({ model: Number(pick.value), trained: -1 }) },
    models.map((m, i) => h("option", { value: i }, m.name)));
  const gpu = choices({ label: "Processor", options: processors.map((p) => p.name), change: (i) => change({ processor: i }) });
  const precision = choices({ label: "Bits a weight", options: bits.map((b) => `${b} bits`), change: (i) => change({ bits: i }) });
  const trained = slider({ label: "Training text", min: 60, max: 140, change: (v) => change({ trained: v }),
    say: (v) => `${count(state.trained < 0 && v === marked() ? model().trained_tokens : 10 ** (v / 10))} tokens` });
  const context = slider({ label: "Prompt", min: 5, max: 17, say: (v) => `${(2 ** v).toLocaleString("en")} tokens`, change: (v) => change({ context: v }) });
  const texts = slider({ label: "Answers at once", min: 0, max: 12, say: (v) => (2 ** v).toLocaleString("en"), change: (v) => change({ texts: v }) });
  const reached = slider({ label: "Peak reached", min: 5, max: 100, step: 5, say: (v) => `${v} %`, change: (v) => change({ reached: v }) });
  const rent = slider({ label: "Rent of a processor", min: 2, max: 100, say: (v) => `$${(v / 10).toFixed(2)} an hour`, change: (v) => change({ rent: v }) });

  // A bar of parts; both bars have the same scale.
  function bar(name, parts, largest) {
    let left = 0;
    const total = parts.reduce((sum, [, v]) => sum + v, 0);
    const said = `${name}: ${bytes(total)}, or ${chips(need(total))}`;
    const drawn = parts.map(([kind, v]) => {
      const rect = h("rect", { x: left, y: 0, width: (640 * v) / largest, height: 20, class: `ig-cost-${kind}` });
      left += (640 * v) / largest;
      return rect;
    });
    return h("div", {}, h("p", { class: "ig-one-line" }, said),
      h("svg", { viewBox: "0 0 640 20", preserveAspectRatio: "none", class: "ig-cost-bar", role: "img", "aria-label": parts.map(([kind, v]) => `${kind} ${bytes(v)}`).join(", ") }, drawn));
  }
  const table = (name, rows) => h("table", { class: "ig-cost-table" }, h("caption", {}, name), h("tbody", {},
    rows.map(([what, value]) => h("tr", {}, h("th", { scope: "row" }, what), h("td", {}, value)))));

  const memory = h("div", { class: "ig-cost-memory" });
  const legend = h("p", { class: "ig-note ig-cost-legend" }, ["weights", "gradients", "optimizer", "activations", "cache"].map((kind) =>
    h("span", { class: `ig-cost-key ig-cost-${kind}` }, kind)));
  const tables = h("div", { class: "ig-cost-tables" });
  const say = h("p", { class: "ig-result ig-cost-note", "aria-live": "polite" });
  stage.append(h("div", { class: "ig-cost-first" }, h("div", { class: "ig-select" }, h("label", { for: "ig-cost-model" }, "Model"), pick), gpu, precision),
    h("div", { class: "ig-cost-sliders" }, trained, context, texts, reached, rent), say, tables, memory, legend);

  return function draw() {
    const b = bill(model(), plan(data, state), processor(), data), p = plan(data, state), name = processor().name;
    pick.value = state.model;
    gpu.show(state.processor);
    precision.show(state.bits);
    trained.show(state.trained < 0 ? marked() : state.trained);
    context.show(state.context);
    texts.show(state.texts);
    reached.show(state.reached);
    rent.show(state.rent);
    const training = [["weights", b.adam_bytes / 8], ["gradients", b.adam_bytes / 8], ["optimizer", 0.75 * b.adam_bytes], ["activations", b.inputs_bytes]];
    const serving = [["weights", b.weight_bytes], ["cache", b.cache_bytes]];
    const largest = Math.max(b.adam_bytes + b.inputs_bytes, b.weight_bytes + b.cache_bytes);
    memory.replaceChildren(bar("To train", training, largest), bar("To run", serving, largest));
    tables.replaceChildren(
      table("To train it", [["operations", power(b.training_flops)], [`${name} hours`, count(b.training_hours)],
        ["rent", dollars(b.training_usd)], ["energy", energy(1000 * b.training_kwh)]]),
      table("To run it", [["processors", chips(b.processors)], ["tokens/s, each", exact(1 / b.step_s)],
        ["a million read", dollars(b.read_usd)], ["a million written", dollars(b.written_usd)]]),
      table("To ask it once", [["read", `${p.context_tokens.toLocaleString("en")} tokens`], ["written", `${data.answer_tokens} tokens`],
        ["rent", dollars(b.answer_usd)], ["energy", energy(b.answer_wh)]]));
    const ratio = b.written_usd / b.read_usd;
    say.textContent = `A written token costs ${exact(ratio)} times as much as one that is read. ` +
      { weights: "To write, the processors mostly wait for the weights, which more answers at once would share.",
        caches: "To write, they mostly wait for the answers' caches, which nobody can share.",
        arithmetic: "To write, arithmetic is the limit: more answers at once gain nothing." }[b.waiting_for];
  };
};
insideGPT.drawers.cost.start = (data) => ({ ...data.start, trained: -1 });
// What the controls say, in units.
insideGPT.drawers.cost.plan = (data, state) => ({
  trained_tokens: state.trained < 0 ? data.models[state.model].trained_tokens : 10 ** (state.trained / 10),
  bits: data.bits[state.bits], context_tokens: 2 ** state.context, texts: 2 ** state.texts,
  reached: state.reached / 100, usd_hour: state.rent / 10,
});
// The formulas. FLOPs, bytes, seconds of one processor, dollars; as in price.py.
insideGPT.drawers.cost.bill = function (model, plan, on, { adam_bytes, cache_bytes, room, answer_tokens, hour_s, million }) {
  const token_flops = (attention) => 2 * (model.active + attention * plan.context_tokens);
  const step_flops = plan.texts * token_flops(model.attention_written);
  const experts = model.share === 1 ? 0 : (model.parameters - model.active) / (1 - model.share);
  const read = (tokens) => ((model.parameters - experts * (1 - model.share) ** tokens) * plan.bits) / 8;
  const roofline = (flops, bytes) => Math.max(flops / on.flops_s, bytes / on.bytes_s) / plan.reached;
  const cache = plan.texts * cache_bytes * model.cache * plan.context_tokens;
  const weights = (model.parameters * plan.bits) / 8;
  const chips = Math.max(1, Math.ceil((weights + cache) / (room * on.memory_bytes)));
  const step_bytes = read(plan.texts) + cache;
  const step_s = roofline(step_flops, step_bytes);
  const prompt_s = roofline(plan.context_tokens * token_flops(model.attention), read(plan.context_tokens));
  const read_s = prompt_s / plan.context_tokens, written_s = step_s / plan.texts;
  const answer_s = prompt_s + answer_tokens * written_s;
  const training_flops = 6 * model.active * plan.trained_tokens;
  const hours = training_flops / (on.flops_s * plan.reached) / hour_s;
  const usd = (seconds) => (seconds * plan.usd_hour) / hour_s;
  return {
    training_flops, training_hours: hours, training_usd: hours * plan.usd_hour, training_kwh: (hours * on.watt) / 1000,
    adam_bytes: adam_bytes * model.parameters, inputs_bytes: cache_bytes * model.inputs * plan.context_tokens,
    weight_bytes: weights, cache_bytes: cache, processors: chips, step_s: step_s / chips,
    read_tokens_s: chips / read_s, written_tokens_s: chips / written_s,
    read_usd: million * usd(read_s), written_usd: million * usd(written_s),
    answer_usd: usd(answer_s), answer_wh: (answer_s * on.watt) / hour_s,
    waiting_for: step_flops / on.flops_s >= step_bytes / on.bytes_s ? "arithmetic" : cache > read(plan.texts) ? "caches" : "weights",
  };
};
