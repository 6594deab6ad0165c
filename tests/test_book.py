"""The book's pages are what tests/book_checks.py promises, and so are the checks."""

import book_checks as book
import nbformat
import pytest
import yaml
from nbformat import NotebookNode
from support import ROOT, load_tool

normal = load_tool("normal")
PAGES = book.all_pages()


@pytest.mark.parametrize("check", book.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page(page: book.Page, check):
    assert check(page) == []


def test_the_table_of_contents_and_the_folder_hold_the_same_pages():
    assert book.outside_the_toc(ROOT) == []


def test_every_source_in_the_bibliography_is_cited():
    used = set().union(*(book.cited(page) for page in PAGES)) if PAGES else set()
    assert sorted(book.bib_keys(book.book_file("references.bib")) - used) == []


# The checks themselves ---------------------------------------------------------------


def code(source: str, outputs: list | None = None, **metadata) -> NotebookNode:
    return nbformat.v4.new_code_cell(
        source, execution_count=1, outputs=outputs or [], metadata=metadata
    )


def words(source: str) -> NotebookNode:
    return nbformat.v4.new_markdown_cell(source)


def page(*cells: NotebookNode, name: str = "algorithm/rope") -> book.Page:
    nb = normal.normalise(nbformat.v4.new_notebook(cells=list(cells)))
    return book.Page(name, normal.page_text(nb))


def shown(data: dict, **metadata) -> list[NotebookNode]:
    return [nbformat.v4.new_output("display_data", data=data, metadata=metadata)]


def printed(text: str) -> list[NotebookNode]:
    return [nbformat.v4.new_output("stream", name="stdout", text=text)]


HEAD = """# Title

:::{div} page-head
Why?

3 min to read · 5 s to run · opens model.rope
:::
"""


def test_a_sound_page_passes_every_check():
    sound = page(
        words(HEAD + " A {term}`token` and {term}`tokens <token>`." + " word" * 600),
        code("x = 1\nprint(x)", printed("1\n")),
    )
    assert {check.__name__: check(sound) for check in book.CHECKS if check(sound)} == {}


def test_a_cell_that_never_ran_is_found():
    unrun = page(nbformat.v4.new_code_cell("1 + 1"))
    assert book.is_complete_and_normalised(unrun) == ["cell 1 was never run"]


def test_a_stored_error_is_found():
    error = nbformat.v4.new_output("error", ename="KeyError", evalue="x", traceback=[])
    faults = book.is_complete_and_normalised(page(code("f()", [error])))
    assert faults == ["cell 1 stores an error: KeyError"]


def test_a_page_out_of_its_normal_form_is_found():
    untidy = book.Page("a", page(words("x")).text.replace('"c001"', '"c002"'))
    assert any(
        "normal form" in fault for fault in book.is_complete_and_normalised(untidy)
    )


def test_a_long_cell_is_found_unless_it_is_hidden():
    long = "\n".join(f"x{n} = {n}" for n in range(16))
    assert book.has_short_cells(page(code(long))) != []
    assert book.has_short_cells(page(code(long, tags=["hide-input"]))) == []
    assert book.has_short_cells(page(code(long.replace("x15 = 15", "")))) == []


def test_much_or_wide_code_in_sight_is_found_and_hidden_code_is_not():
    cells = [code("x = 1\n" * 13, **{}) for _ in range(10)]
    assert len(book.has_code_that_fits(page(*cells))) == 1
    assert book.has_code_that_fits(page(*cells[:9])) == []
    wide = "x = " + "1 + " * 20 + "1"
    assert len(book.has_code_that_fits(page(code(wide)))) == 1
    assert book.has_code_that_fits(page(code(wide, tags=["hide-input"]))) == []


def test_prose_like_telegrams_is_found():
    long = "This sentence has quite a few more words than eight. "
    short = "It is short. "
    assert book.has_sentences_of_some_length(page(words(long * 30 + short * 10))) == []
    found = book.has_sentences_of_some_length(page(words(long * 20 + short * 10)))
    assert found == ["10 of 30 sentences have at most 8 words"]
    listed = "- " + short * 40
    assert (
        book.has_sentences_of_some_length(page(words(long * 30), words(listed))) == []
    )


def test_a_task_without_an_answer_is_found():
    task = "\n## Try\n\n**1.** Why?\n\n"
    fold = "<details><summary>Answer</summary>\n\nSo.\n\n</details>\n"
    assert book.answers_its_tasks(page(words("# A" + task + fold))) == []
    assert len(book.answers_its_tasks(page(words("# A" + task)))) == 1
    assert len(book.answers_its_tasks(page(words("# A\n\n## Try\n\n- Why?")))) == 1


def test_a_figure_in_html_without_words_is_found():
    words_below = "<figcaption>The loss falls fast.</figcaption>"
    told = f'<figure><svg aria-label="A line that falls"></svg>{words_below}</figure>'
    assert (
        book.has_figures_with_words(page(code("f()", shown({"text/html": told})))) == []
    )
    for lacking in ("A line that falls", "The loss falls fast."):
        bare = shown({"text/html": told.replace(lacking, "")})
        assert len(book.has_figures_with_words(page(code("f()", bare)))) == 1


def test_a_copy_of_the_package_is_found_unless_it_is_proven():
    name = sorted(book.package_names())[0]
    toy = code(f"def {name}(x):\n    return x")
    assert len(book.has_no_unproven_copies(page(toy))) == 1
    assert (
        len(book.has_no_unproven_copies(page(toy, code("same(other, real, [])")))) == 1
    )
    assert (
        book.has_no_unproven_copies(page(toy, code(f"same({name}, real, [1])"))) == []
    )
    assert (
        book.has_no_unproven_copies(page(toy, code(f"show.same({name}, r, [])"))) == []
    )


@pytest.mark.parametrize("lacking", ["image", "figure"])
def test_a_figure_without_alt_text_or_caption_is_found(lacking):
    told = {
        "image": {"alt": "A falling line of loss"},
        "figure": {"caption": "The loss falls fast."},
    }
    picture = shown({"image/svg+xml": "<svg/>"})
    assert book.has_figures_with_words(page(code("plot()", picture, mystnb=told))) == []
    del told[lacking]
    assert (
        len(book.has_figures_with_words(page(code("plot()", picture, mystnb=told))))
        == 1
    )


def test_a_drawn_figure_without_alt_text_is_found():
    drawn = "```{figure} a.svg\n:name: a\n\nIt works.\n```"
    assert len(book.has_figures_with_words(page(words(drawn)))) == 1
    told = drawn.replace(":name: a", ":alt: A box and an arrow.")
    assert book.has_figures_with_words(page(words(told))) == []


def test_citations_are_read_in_every_form():
    text = "{cite}`a, b` {cite:p}`c`"
    assert book.cited(page(words(text))) == {"a", "b", "c"}
    assert book.bib_keys("@article{a,\n x={1}}\n@misc{ b2:c ,") == {"a", "b2:c"}


def test_a_page_without_a_glossary_link_is_found_and_the_index_is_not():
    assert len(book.links_the_glossary(page(words("Text.")))) == 1
    assert book.links_the_glossary(page(words("A {term}`token`."))) == []
    assert book.links_the_glossary(page(words("Text."), name="index")) == []


def test_a_number_that_nothing_computed_is_found():
    output = shown({"application/x": "3"}, scrapbook={"name": "n", "mime_prefix": "a"})
    glued = code("glue('n', 3)", output)
    assert (
        book.shows_only_numbers_it_computed(page(words("{glue:text}`n:.2f`"), glued))
        == []
    )
    assert book.shows_only_numbers_it_computed(
        page(words("{glue:text}`m`"), glued)
    ) == ["m is shown and never glued"]
    block = words("```{glue:figure} fig\nCaption\n```")
    assert len(book.shows_only_numbers_it_computed(page(block, glued))) == 1


def test_a_heavy_page_is_found():
    assert book.is_light(page(words("x" * book.PAGE_BYTES))) != []


def test_a_wrong_reading_time_is_found():
    def told(count: int) -> book.Page:
        return page(words(HEAD), words("word " * count))

    assert book.tells_its_reading_time(told(620)) == []
    assert len(book.tells_its_reading_time(told(1500))) == 1
    assert len(book.tells_its_reading_time(page(words("# No head")))) == 1
    assert book.tells_its_reading_time(page(words("# No head"), name="index")) == []


def test_visible_cells_take_time_and_hidden_ones_do_not():
    assert book.minutes(
        page(*(code("x = 1\n" * 3) for _ in range(8)))
    ) == pytest.approx(1)
    assert book.minutes(page(code("x = 1", tags=["hide-input"]))) == 0


def test_empty_words_are_found_in_prose_and_not_in_what_the_model_says():
    assert (
        book.has_no_empty_words(page(words("A powerful idea. Moreover, it works.")))
        != []
    )
    assert (
        book.has_no_empty_words(page(code("chat()", printed("A powerful idea.")))) == []
    )


@pytest.mark.parametrize(
    "text", ["/home/me/x.gguf", "File '/tmp/a/b'", "<Thing at 0x7f12ab34cd>"]
)
def test_a_path_or_an_address_in_an_output_is_found(text):
    assert len(book.names_no_machine(page(code("x", printed(text))))) == 1


@pytest.mark.parametrize("text", ["and/or", "HuggingFace/x", "ratio 3/4", "0x0A"])
def test_a_slash_alone_is_no_path(text):
    assert book.names_no_machine(page(code("x", printed(text)))) == []


def test_pages_and_table_of_contents_are_compared_both_ways(tmp_path):
    (tmp_path / "book" / "a").mkdir(parents=True)
    (tmp_path / "book" / "a" / "stray.ipynb").write_text("{}")
    (tmp_path / "book" / "index.md").write_text("")
    parts = [{"caption": "A", "chapters": [{"file": "book/a/missing"}]}]
    toc = {"format": "jb-book", "root": "book/index", "parts": parts}
    (tmp_path / "_toc.yml").write_text(yaml.safe_dump(toc))
    assert book.outside_the_toc(tmp_path) == ["a/missing", "a/stray"]
