// Byte-level BPE as text/bpe.py runs it: cut, bytes, then the earliest merge first.
insideGPT.bpe = function ({ cut, bytes, first, pairs }) {
  const pattern = new RegExp(cut, "gu");
  const numbers = new Uint16Array(Uint8Array.from(atob(pairs), (c) => c.charCodeAt(0)).buffer);
  const key = (left, right) => left * 65536 + right;
  const ranks = new Map();
  for (let i = 0; i < numbers.length; i += 2) ranks.set(key(numbers[i], numbers[i + 1]), i / 2);
  const utf8 = new TextEncoder();

  // A pre-token as [its bytes, its ids, [place, rank] of each merge].
  function merge(piece) {
    const kept = [...utf8.encode(piece)].filter((byte) => bytes[byte] !== null);
    const ids = kept.map((byte) => bytes[byte]), merges = [];
    for (;;) {
      let least = Infinity, at = -1;
      for (let i = 0; i + 1 < ids.length; i++) {
        const rank = ranks.get(key(ids[i], ids[i + 1])) ?? Infinity;
        if (rank < least) [least, at] = [rank, i];
      }
      if (at < 0) return [kept, ids, merges];
      ids.splice(at, 2, first + least);
      merges.push([at, least]);
    }
  }
  const trace = (text) => (text.match(pattern) ?? []).map(merge);
  return { trace, encode: (text) => trace(text).flatMap(([, ids]) => ids) };
};

// A tokenizer by its name: from a kernel, or from a file beside this one, loaded once.
(function () {
  const here = document.currentScript?.src; // none in a widget, which brings its own
  const found = {};
  insideGPT.vocabularies = {};
  insideGPT.tokenizer = (name, extra) => found[name] ??= (extra?.[name] ? Promise.resolve(extra[name]) : load(name))
    .then(insideGPT.bpe);
  const load = (name) => new Promise((resolve, reject) => document.head.append(insideGPT.h("script", {
    src: new URL(`vocabulary-${name}.js`, here),
    onload: () => resolve(insideGPT.vocabularies[name]),
    onerror: () => { delete found[name]; reject(new Error(`There is no vocabulary ${name}.`)); },
  })));
})();
