"""The view of tokens: its script encodes as the package does, and what readers do."""

import random
import unicodedata
from collections import defaultdict

import pytest
from nasty import NASTY
from support import ROOT

from insidegpt.text.corpus import WEATHER_REPORT, docstrings

MODELS = ("gpt2", "smollm2")
PAGE = "book/algorithm/tokenization.html"
ENCODE = """async ([name, texts]) => {
  const tokenizer = await insideGPT.tokenizer(name);
  return texts.map(tokenizer.encode);
}"""


STORED = """async () => {
  const data = JSON.parse(document.querySelector(
    'figure[data-view=tokens] script[type="application/json"]').textContent);
  const all = await Promise.all(data.models.map(m => insideGPT.tokenizer(m.file)));
  return data.texts.filter(entry => JSON.stringify(entry.traces)
    !== JSON.stringify(all.map(t => t.trace(entry.text)))).map(entry => entry.name);
}"""


def nasty_strings(count):
    """Nasty pieces, and characters of every category that Unicode has assigned."""
    draw = random.Random(0)
    by_kind = defaultdict(list)
    for character in map(chr, range(0x110000)):
        by_kind[unicodedata.category(character)].append(character)
    kinds = [by_kind[kind] for kind in sorted(by_kind) if kind not in ("Cs", "Cn")]

    def part():
        if draw.random() < 0.5:
            return draw.choice(NASTY)
        kind = draw.choice(kinds)
        return "".join(draw.choices(kind, k=draw.randint(1, 6)))

    for _ in range(count):
        yield "".join(part() for _ in range(draw.randint(1, 6)))


def test_the_page_encodes_10_000_strings_as_the_package_does(
    visit, address, tokenizers
):
    page = visit(f"{address}/{PAGE}")
    prose = [WEATHER_REPORT, *"\n".join(docstrings(("click",))).split("\n")][:2_000]
    strings = [*prose, *nasty_strings(10_000 - len(prose))]
    assert len(strings) == 10_000 and len(set(strings)) > 8_000
    for name in MODELS:
        theirs = page.evaluate(ENCODE, [name, strings])
        ours = [tokenizers[name].encode(text) for text in strings]
        wrong = [s for s, a, b in zip(strings, ours, theirs, strict=True) if a != b]
        assert wrong == []


def test_texts_that_are_stored_are_traced_as_the_page_would(visit, address):
    """And before somebody types, the page does not ask for the vocabularies."""
    page = visit(f"{address}/{PAGE}")
    asked = "performance.getEntriesByType('resource').map(e => e.name).join()"
    assert "vocabulary-" not in page.evaluate(asked)
    assert page.evaluate(STORED) == []


@pytest.fixture
def typed(visit, address):
    """The page with a text of one's own in its view, encoded in the page."""

    def type_into(url, text):
        page = visit(url)
        view = page.locator("figure[data-view=tokens]")
        view.get_by_label("Your own text").fill(text)
        view.get_by_text(f"{len(text)} characters").wait_for()
        return page, view

    return type_into


def test_a_reader_s_text_is_encoded_and_kept_in_the_address(typed, address, tokenizers):
    text = "L'été, 20 °C 🍓"
    page, view = typed(f"{address}/{PAGE}", text)
    for name, title in zip(MODELS, ("GPT-2", "SmolLM2"), strict=True):
        count = len(tokenizers[name].encode(text))
        assert view.get_by_role("button", name=f"{title}: {count} tokens").count() == 1
    page.reload()
    box = page.locator("figure[data-view=tokens]").get_by_label("Your own text")
    assert box.input_value() == text


def test_vocabularies_load_where_the_page_is_a_file(typed):
    typed((ROOT / "_build" / "html" / PAGE).as_uri(), "Typed by hand.")


WIDGET = """([source, held]) => import(URL.createObjectURL(
  new Blob([source], {type: "text/javascript"}))).then(view =>
    view.default.render({el: document.body, model: {get: name => held[name]}}))"""


def test_in_a_kernel_the_vocabularies_come_with_the_widget(visit, tokenizers):
    from viewed import WORDS

    from insidegpt.show import widgets
    from insidegpt.show.view import script

    texts = {"a": "The weather today is"}
    held = widgets.tokens_view(tokenizers, texts, title="Type", **WORDS)
    names = ("kind", "data", "markup", "extra")
    page = visit("about:blank")
    page.evaluate(WIDGET, [script(), {name: getattr(held, name) for name in names}])
    page.get_by_label("Your own text").fill(" strawberry")
    page.get_by_text("11 characters").wait_for()
    assert page.get_by_role("button", name="GPT-2: 1 token").count() == 1
