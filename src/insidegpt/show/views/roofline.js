// What a machine allows: the time to read the weights once, and the time to compute
// with them for every text that shares the reading. The longer of the two counts.
insideGPT.drawers.roofline = function (stage, data, { state, change }) {
  const { h, slider, choices } = insideGPT;
  const BITS = [32, 16, 8, 4];
  const start = insideGPT.drawers.roofline.start(data);
  // Sliders hold tenths of a decimal logarithm.
  const power = (v) => 10 ** (v / 10);
  // Where nothing was moved the measured numbers count, not the nearest mark.
  const at = (key, exact, v = state[key]) => (v === start[key] ? exact : power(v));
  const number = (x) => Number(x.toPrecision(x < 100 ? 2 : 3)).toLocaleString("en");
  const big = (x) => (x >= 1e12 ? `${number(x / 1e12)} trillion` : x >= 1e9 ? `${number(x / 1e9)} billion` : `${number(x / 1e6)} million`);
  const time = (s) => (s < 1e-3 ? `${number(s * 1e6)} \u00b5s` : s < 1 ? `${number(s * 1e3)} ms` : `${number(s)} s`);

  const size = slider({ label: "Parameters", min: 80, max: 115, say: (v) => big(at("size", data.parameters, v)), change: (size) => change({ size }) });
  const bits = choices({ label: "Bits a parameter", options: BITS.map((b) => `${b} bits`), change: (bits) => change({ bits }) });
  const memory = slider({ label: "Memory, read", min: 10, max: 37, say: (v) => `${number(at("memory", data.memory, v))} GB/s`, change: (memory) => change({ memory }) });
  const arithmetic = slider({ label: "Arithmetic", min: 15, max: 60, say: (v) => `${big(at("arithmetic", data.arithmetic, v) * 1e9)}/s`, change: (arithmetic) => change({ arithmetic }) });
  const texts = slider({ label: "Texts at once", min: 1, max: 256, say: String, change: (texts) => change({ texts }) });
  const rows = h("div", { class: "ig-roof", "aria-live": "polite" });
  const result = h("p", { class: "ig-result", "aria-live": "polite" });
  stage.append(size, bits, memory, arithmetic, texts, rows, result);

  return function draw() {
    const parameters = at("size", data.parameters);
    const reading = (parameters * BITS[state.bits]) / 8 / (at("memory", data.memory) * 1e9);
    const computing = (2 * parameters * state.texts) / (at("arithmetic", data.arithmetic) * 1e9);
    const step = Math.max(reading, computing);
    size.show(state.size);
    bits.show(state.bits);
    memory.show(state.memory);
    arithmetic.show(state.arithmetic);
    texts.show(state.texts);
    rows.replaceChildren(insideGPT.bars([
      ["reading", reading, time(reading)],
      ["arithmetic", computing, time(computing)]], { largest: step }));
    result.textContent = `${reading > computing ? "Memory" : "Arithmetic"} decides. At most ${number(1 / step)} tokens a second for each text` +
      (state.texts > 1 ? `, ${number(state.texts / step)} in all.` : ".");
  };
};
insideGPT.drawers.roofline.start = (data) => {
  const tenths = (x) => Math.round(10 * Math.log10(x));
  return { size: tenths(data.parameters), bits: [32, 16, 8, 4].indexOf(data.bits), memory: tenths(data.memory), arithmetic: tenths(data.arithmetic), texts: 1 };
};
