"""Docstrings as a corpus: what is found, in which order, and what is left out."""

import sys

import pytest

from insidegpt.text.corpus import (
    WEATHER_REPORT,
    docstrings,
    docstrings_of,
    documentation,
    prose,
    read_texts,
)

LONG = "A sentence that is long enough to be kept, because it says more than a name."


@pytest.fixture
def package(tmp_path, monkeypatch):
    root = tmp_path / "corpus_sample"
    root.mkdir()
    (root / "__init__.py").write_text(f'"""Module. {LONG}"""\n')
    (root / "b.py").write_text(
        f'class A:\n    """Class. {LONG}"""\n'
        f'    def m(self):\n        """Method. {LONG}"""\n'
        f'def f():\n    """Function. {LONG}"""\n'
        'def short():\n    """Short."""\n'
        f'def again():\n    """Function. {LONG}"""\n'
    )
    (root / "broken.py").write_text("def (:\n")
    (root / "raises.py").write_text("raise SystemExit('never imported')\n")
    (root / "c.txt").write_text(f'"""{LONG}"""')
    monkeypatch.syspath_prepend(tmp_path)
    return root


def test_docstrings_come_once_in_the_order_of_the_files(package):
    heads = [text.split(".")[0] for text in docstrings(("corpus_sample",))]
    assert heads == ["Module", "Class", "Method", "Function"]
    assert "corpus_sample" not in sys.modules  # read, not imported


def test_a_file_that_is_not_python_gives_nothing(package):
    assert list(docstrings_of(package / "broken.py")) == []


@pytest.mark.slow
def test_numpy_is_a_corpus_of_megabytes():
    texts = docstrings(("numpy",))
    assert sum(map(len, texts)) > 1_000_000
    assert len(texts) == len(set(texts))
    assert any(text.startswith("Compute the arithmetic mean along") for text in texts)


def test_a_package_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="no_such_package is not installed"):
        docstrings(("no_such_package",))


def test_the_weather_report_is_plain_text():
    assert WEATHER_REPORT.count(".") == 4 and "\n" not in WEATHER_REPORT


def test_docstrings_are_found_wherever_definitions_may_stand(tmp_path):
    path = tmp_path / "nested.py"
    path.write_text(
        f'async def a():\n    """One. {LONG}"""\n'
        f'    def b():\n        """Two. {LONG}"""\n'
        f'if x:\n    def c():\n        """Three. {LONG}"""\n'
        f'else:\n    class D:\n        """Four. {LONG}"""\n'
        f'try:\n    def e():\n        """Five. {LONG}"""\n'
        f'except E:\n    def f():\n        """Six. {LONG}"""\n'
        f'with x:\n    for y in z:\n        def g():\n            """Seven. {LONG}"""\n'
        f'match x:\n    case 1:\n        def h():\n            """Eight. {LONG}"""\n'
        f'def i():\n    """Nine. {LONG}"""\n'
    )
    heads = [text.split(".")[0] for text in docstrings_of(path)]
    assert heads == "One Two Three Four Five Six Seven Eight Nine".split()


def test_prose_is_what_reads_as_sentences():
    text = f"""Sum of the elements along an axis
    ================================

    Return the sum of all elements, or of those along ``axis`` if it is given. The
    result has one dimension fewer than :class:`ndarray` ``a`` that we began with.

    a : array_like, of numbers that can be added to each other and be shown
        {LONG}
    - a list item that begins with a small letter and goes on for quite a while.
    Too short to be read.

    >>> The prompt of a session is not a sentence, whatever it may look like.
    | A | table | with | bars | is | not | a | sentence | in | any | way. |
    """
    assert list(prose(text)) == [
        "Return the sum of all elements, or of those along axis if it is given. The "
        "result has one dimension fewer than ndarray a that we began with.",
        LONG,
    ]


def test_no_paragraph_is_in_both_halves_and_packages_are_not_shared(
    tmp_path, monkeypatch
):
    for name, own in (("half_one", "One"), ("half_two", "Two")):
        (tmp_path / name).mkdir()
        words = (
            f'"""{LONG}\n\n{own} more sentence that only this package has in it.\n"""'
        )
        (tmp_path / name / "__init__.py").write_text(words)
    monkeypatch.syspath_prepend(tmp_path)
    split = documentation(("half_one",), ("half_two",))
    assert split.train == [
        f"{LONG}\nOne more sentence that only this package has in it."
    ]
    assert split.valid == ["Two more sentence that only this package has in it."]
    with pytest.raises(ValueError, match="half_one can't be in both halves"):
        documentation(("half_one",), ("half_one", "half_two"))


def test_a_file_a_directory_and_lines_of_json_are_read(tmp_path):
    (tmp_path / "b.txt").write_text("Second.")
    (tmp_path / "a.jsonl").write_text('{"text": "First."}\n\n{"text": "Then."}\n')
    (tmp_path / "c.bin").write_bytes(b"\xff\x00")
    assert read_texts(tmp_path) == ["First.", "Then.", "Second."]
    assert read_texts(tmp_path / "b.txt") == ["Second."]


@pytest.mark.parametrize("line", ['{"txt": "x"}', "[1]", '{"text": 3}', "{"])
def test_a_line_without_a_text_is_named(tmp_path, line):
    (tmp_path / "a.jsonl").write_text('{"text": "First."}\n' + line)
    with pytest.raises(ValueError, match="Line 2 of a.jsonl is no object"):
        read_texts(tmp_path / "a.jsonl")


def test_a_source_without_text_is_one_sentence(tmp_path):
    with pytest.raises(ValueError, match="holds no text"):
        read_texts(tmp_path)
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="a.txt is not UTF-8 text"):
        read_texts(tmp_path)


@pytest.mark.slow
def test_the_documentation_is_megabytes_of_sentences():
    split = documentation()
    assert sum(map(len, split.train)) > 2_000_000
    assert sum(map(len, split.valid)) > 200_000
    lines = [set("\n".join(half).split("\n")) for half in split]
    assert not lines[0] & lines[1]
