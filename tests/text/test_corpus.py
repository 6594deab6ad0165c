"""Docstrings as a corpus: what is found, in which order, and what is left out."""

import sys

import pytest

from insidegpt.text.corpus import WEATHER_REPORT, docstrings, docstrings_of

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
