"""Compiling where there is a compiler, a broken one, or none."""

import shutil

import pytest

from insidegpt.fast import compile


@pytest.fixture(autouse=True)
def fresh():
    """What other tests compiled is not what is looked for here."""
    compile.library.cache_clear()
    yield
    compile.library.cache_clear()


def test_without_a_compiler_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(RuntimeError, match="install g\\+\\+ or clang"):
        compile.library()


def test_a_compiler_that_fails_is_named(tmp_path, monkeypatch):
    bad = tmp_path / "bad++"
    bad.write_text("#!/bin/sh\necho 'no such machine' >&2\nexit 1\n")
    bad.chmod(0o755)
    monkeypatch.setenv("CXX", str(bad))
    with pytest.raises(RuntimeError, match="bad.. can't compile kernels.cpp: no such"):
        compile.build("-march=native")


def test_a_file_that_is_no_library_is_one_sentence(tmp_path):
    (tmp_path / "x.so").write_text("nothing")
    with pytest.raises(RuntimeError, match="What was compiled can't be loaded"):
        compile.loaded(str(tmp_path / "x.so"))


def test_it_compiles_once_a_process():
    assert compile.library() is compile.library()
