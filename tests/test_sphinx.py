"""The book's own Sphinx extensions, each on a book of one small page."""

import re
import subprocess
import sys
import zipfile

import pytest
from support import ROOT

CONFIG = """
import sys
sys.path.insert(0, {tools!r})
extensions = ["myst_parser", "answers", "page_head", "mathml"]
myst_enable_extensions = ["dollarmath", "colon_fence", "attrs_block"]
html_math_renderer = "mathml"
html_theme = "basic"


def setup(app):  # a cell with the tag, as myst-nb writes it
    from docutils import nodes
    from docutils.parsers.rst import Directive

    class Cell(Directive):
        def run(self):
            return [nodes.container(classes=["cell", "tag_predict"])]

    app.add_directive("question", Cell)
"""
PAGE = "book/algorithm/tokenization"
CELL = "```{question}\n```\n\n"


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Build a page from its text; gives its article's HTML and the warnings."""

    def built(text):
        source = tmp_path / "source"
        page = source / f"{PAGE}.md"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, "utf-8")
        (source / "index.md").write_text(f"# Index\n\n```{{toctree}}\n{PAGE}\n```\n")
        tools = str(ROOT / "tools" / "sphinx")
        (source / "conf.py").write_text(CONFIG.format(tools=tools))
        out = tmp_path / "out"
        command = [sys.executable, "-m", "sphinx", "-q", "-N", str(source), str(out)]
        run = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=True)
        html = (out / f"{PAGE}.html").read_text("utf-8")
        return html[html.index('role="main"') :], run.stderr, out

    return built


def test_what_follows_a_question_is_folded_up_to_its_end(build):
    body, warnings, _ = build(
        f"# T\n\n{CELL}The answer.\n\n- a list\n\n<!-- end of answer -->\n\nAfter.\n"
    )
    folded = re.search(r'<details class="ig-answer">(.*?)</details>', body, re.S)[1]
    assert "The answer." in folded and "a list" in folded
    assert "tag_predict" not in folded and "After." not in folded
    assert "After." in body and warnings == ""


def test_each_of_two_questions_has_its_fold(build):
    end = "<!-- end of answer -->\n\n"
    body, warnings, _ = build(f"# T\n\n{CELL}One.\n\n{end}{CELL}Two.\n\n{end}Rest.\n")
    folds = re.findall(r'<details class="ig-answer">(.*?)</details>', body, re.S)
    assert ["One." in folds[0], "Two." in folds[1], warnings] == [True, True, ""]


def test_a_question_without_an_end_is_a_warning(build):
    body, warnings, _ = build(f"# T\n\n{CELL}The answer.\n\n## Next\n\nMore.\n")
    assert "a question without <!-- end of answer --> after it" in warnings
    assert "ig-answer" not in body


HEAD = "# T\n\n:::{div} page-head\nWhy?\n\n3 min to read\n:::\n"


def test_a_page_says_where_it_is_and_links_only_pages_that_exist(build):
    text = HEAD.replace("{div}", "{container}")
    body, _, _ = build(text)
    way = re.search(r'<nav class="ig-way".*?</nav>', body, re.S)[0]
    assert way.count("<li>") == 1  # of all the way this book has one page
    assert 'aria-current="page">Tokens</a>' in way
    assert body.index('class="ig-way"') < body.index("Why?") < body.index("ig-run")


def test_the_course_can_be_taken_away_as_one_archive(build):
    body, _, out = build(HEAD.replace("{div}", "{container}"))
    link = re.search(r'href="([^"]+inside-chatgpt.zip)"', body)[1]
    archive = (out / PAGE).parent / link
    with zipfile.ZipFile(archive) as packed:
        assert f"inside-chatgpt/{PAGE}.md" in packed.namelist()


def test_a_formula_is_mathml_and_keeps_its_classes(build):
    body, warnings, _ = build("# T\n\n$\\class{query}{Q}\\,K$ and\n\n$$\\sqrt{D}$$\n")
    first, second = re.findall(r"<math.*?</math>", body, re.S)
    assert 'class="query"' in first and "mathcolor" not in first
    assert 'display="inline"' in first and 'display="block"' in second
    assert "<msqrt>" in second and warnings == ""


def test_bars_are_brackets_and_have_no_space_around_them(build):
    body, _, _ = build("# T\n\n$2 + |x|^2$\n")
    bars = re.findall(r"<mo([^>]*)>(?:&#x0007C;|\|)</mo>", body)
    assert len(bars) == 2 and all('lspace="0" rspace="0"' in bar for bar in bars)


@pytest.mark.parametrize("formula", [r"\left(1", r"\nosuchthing{x}"])
def test_what_is_no_formula_is_a_warning(build, formula):
    _, warnings, _ = build(f"# T\n\n${formula}$\n")
    assert formula.split("{")[0] in warnings
