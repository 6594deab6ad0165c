"""The README promises only what is there."""

import re
import subprocess
from pathlib import Path

import pytest
from support import ROOT

UNTOLD = {"LICENSE", "src"}  # the one linked below, the other in its package's path
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


def lacking(tree: list[str], root: Path) -> list[str]:
    """What stands in a project of ours, and not in the tree that tells of it."""
    done = subprocess.run(["git", "ls-files"], cwd=root, text=True, capture_output=True)
    top = {name.partition("/")[0] for name in done.stdout.splitlines()}
    floors = {path.parent.name for path in root.glob("src/insidegpt/*/__init__.py")}
    wanted = {name for name in top if not name.startswith(".")} - {"README.md"}
    wanted |= {f"src/insidegpt/{floor}" for floor in floors}
    return sorted(wanted - {path.rstrip("/") for path in tree} - UNTOLD)


def test_the_tree_names_every_top_level_thing_and_every_floor():
    assert lacking(tree_paths(), ROOT) == []


def test_a_floor_or_a_folder_that_the_tree_lacks_is_found():
    told = [
        path for path in tree_paths() if path not in ("src/insidegpt/text/", "book/")
    ]
    assert lacking(told, ROOT) == ["book", "src/insidegpt/text"]


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
