"""The README promises only what is there."""

import re

import pytest
from support import ROOT

README = (ROOT / "README.md").read_text("utf-8")


def tree_paths() -> list[str]:
    """Every path in the README's tree; a line's indent puts it below the one above."""
    tree = next(b for b in README.split("```") if b.strip().startswith("book/"))
    paths, parent = [], ""
    for line in tree.strip("\n").splitlines():
        names = re.split(r"\s{2,}", line.strip())[0].split()
        if not line.startswith(" "):
            parent = names[0]
            paths += names
        else:
            paths += [parent + name for name in names]
    return paths


@pytest.mark.parametrize("path", tree_paths())
def test_every_path_in_the_tree_exists(path):
    assert (ROOT / path).exists()


def test_every_make_target_that_the_readme_names_exists():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    assert set(re.findall(r"\bmake ([a-z-]+)", README)) <= targets


def test_every_link_to_a_file_leads_somewhere():
    links = re.findall(r"\]\(([^)]+)\)", README)
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (ROOT / link).exists()] == []
