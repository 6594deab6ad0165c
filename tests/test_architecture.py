"""The rooms and floors of the package, read from its source and not by importing it."""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import nbformat
import pytest
from support import ROOT

PACKAGE = ROOT / "src" / "insidegpt"

# Which floors a floor may import, itself apart. `fast` and `infer` are neighbours, and
# so are `train` and they. `model` knows `text` by one room, `checkpoint`, which keeps
# weights and tokenizer together.
GROUND = {"files", "text", "model"}
BELOW = {
    "files": set(),
    "text": {"files"},
    "model": {"files", "text"},
    "fast": GROUND,
    "infer": GROUND,
    "serve": GROUND | {"infer"},
    "train": GROUND,
    "align": GROUND | {"infer", "train"},
    "measure": GROUND | {"infer", "train", "align"},
    "apply": GROUND | {"infer", "train", "align", "measure"},
    "course": GROUND | {"infer", "train", "align", "measure", "apply"},
}
BELOW |= {"show": set(BELOW), "cli": set(BELOW)}
ONLY_ABOVE = {"show", "cli"}  # nothing imports them but pages and `__main__`

MODULE_LINES = 200  # Python, C++ and JavaScript alike
FUNCTION_LINES = 40
TOO_LONG: dict[str, str] = {}  # a module's name: why it may be longer
# What a page is not asked to open: the ground floor, the views and the commands.
NO_PAGE = {"files", "show", "cli"}
# Modules whose pages are being written; each leaves when its page is there.
COMING: set[str] = {
    "apply.injections",
    "apply.listening",
    "apply.records",
    "apply.retrieval",
    "apply.shop_questions",
    "apply.shop_tools",
    "apply.support",
    "apply.tools",
}


def modules(package: Path) -> dict[str, Path]:
    """Dotted names below the package (`model.rope`; `` for the package itself)."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        found[".".join(p for p in parts if p != "__init__")] = path
    return found


def rooms(package: Path) -> dict[str, Path]:
    """The modules that hold code of a floor: neither `__init__` nor the doors."""
    return {
        name: path
        for name, path in modules(package).items()
        if "." in name and path.name != "__init__.py"
    }


def imports(path: Path, name: str) -> Iterator[str]:
    """Names below insidegpt that a module imports, wherever in it the import stands."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:  # from . import x, from ..model import y
                up = [p for p in package.split(".") if p]
                up = up[: len(up) - node.level + 1]
                base = ".".join(["insidegpt", *up, *([base] if base else [])])
            targets = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for target in targets:
            if target.split(".")[0] == "insidegpt":
                yield target.partition(".")[2]


def module_graph(package: Path) -> dict[str, set[str]]:
    """Who imports whom, by module. `from a.b import c` leads to a.b.c or to a.b."""
    known = modules(package)
    graph = {}
    for name, path in known.items():
        graph[name] = set()
        for target in imports(path, name):
            while target and target not in known:
                target = target.rpartition(".")[0]
            graph[name] |= {target} - {name}
    return graph


def arrows_upward(package: Path) -> list[str]:
    """Imports that go against the floors, and floors that nobody has planned."""
    found = []
    for name, targets in module_graph(package).items():
        floor = name.split(".")[0]
        if "." not in name and not (package / floor).is_dir():
            continue  # the doors: __init__, __main__
        if floor and floor not in BELOW:
            found.append(f"{name} stands on a floor that is not in the plan")
            continue
        for target in targets:
            other = target.split(".")[0]
            if floor and other != floor and other not in BELOW[floor]:
                found.append(f"{name} imports {target or 'insidegpt itself'}")
    return found


def import_cycle(package: Path) -> list[str]:
    """The modules of one import cycle, or nothing."""
    try:
        TopologicalSorter(module_graph(package)).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def code_lines(function: ast.FunctionDef, source: list[str]) -> int:
    """Lines with code on them: not the docstring, not blank, not only a comment."""
    skip = set()
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        skip = set(range(docstring.lineno, docstring.end_lineno + 1))
    lines = range(function.lineno, function.end_lineno + 1)
    texts = [source[n - 1].strip() for n in lines if n not in skip]
    return sum(bool(text) and not text.startswith("#") for text in texts)


def too_big(package: Path) -> list[str]:
    """Modules and functions over their size."""
    found = []
    other = {
        p.name: p for end in ("cpp", "hpp", "js") for p in package.rglob(f"*.{end}")
    }
    for name, path in (modules(package) | other).items():
        source = path.read_text("utf-8").splitlines()
        if len(source) > MODULE_LINES and name not in TOO_LONG:
            found.append(f"{name} has {len(source)} lines")
        if path.suffix != ".py":
            continue
        for node in ast.walk(ast.parse("\n".join(source))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                count = code_lines(node, source)
                if count > FUNCTION_LINES:
                    found.append(f"{name}.{node.name} has {count} lines of code")
    return found


def untested(package: Path, tests: Path) -> list[str]:
    """Rooms without tests/<floor>/test_<room>.py, in folders as the rooms are."""
    return [
        name
        for name, path in rooms(package).items()
        if not (tests / path.relative_to(package))
        .with_name(f"test_{path.name}")
        .exists()
    ]


def opened_by(page_head: str) -> list[str]:
    """The modules in `12 min to read · 20 s to run · opens text.bpe, text.vocab`."""
    match = re.search(r"\bopens (.+)", page_head)
    return re.findall(r"[a-z_0-9]+(?:\.[a-z_0-9]+)+", match[1]) if match else []


def pages_opening(book: Path) -> dict[str, list[str]]:
    """For each module, the pages whose head says that they open it."""
    found: dict[str, list[str]] = {}
    for path in sorted(book.rglob("*.ipynb")):
        if ".ipynb_checkpoints" in path.parts:
            continue
        first = nbformat.read(path, as_version=4).cells[0].source
        for name in opened_by(first):
            found.setdefault(name, []).append(path.stem)
    return found


def test_every_arrow_between_floors_points_down():
    assert arrows_upward(PACKAGE) == []


def test_no_modules_import_each_other_in_a_circle():
    assert import_cycle(PACKAGE) == []


def test_modules_and_functions_are_small_enough_to_read():
    assert too_big(PACKAGE) == []


def test_every_module_has_its_test_file():
    assert untested(PACKAGE, ROOT / "tests") == []


def test_every_module_is_opened_by_a_page():
    opened = pages_opening(ROOT / "book")
    closed = [n for n in rooms(PACKAGE) if n.split(".")[0] not in NO_PAGE]
    assert {name for name in closed if name not in opened} == COMING


def test_pages_open_only_modules_that_exist():
    assert [n for n in pages_opening(ROOT / "book") if n not in rooms(PACKAGE)] == []


def test_only_pages_and_the_program_import_what_is_above_all():
    importers = [
        f"{name} imports {target}"
        for name, targets in module_graph(PACKAGE).items()
        for target in targets
        if target.split(".")[0] in ONLY_ABOVE - {name.split(".")[0]}
        and name != "__main__"
    ]
    assert importers == []


# The checks themselves, on a small package with one fault each.


@pytest.fixture
def package(tmp_path):
    """A sound package of two floors; call it with {file: text} to add faults."""

    def write(files: dict[str, str]) -> Path:
        sound = {
            "__init__.py": "from insidegpt.model.gpt import GPT",
            "model/__init__.py": "",
            "model/gpt.py": "GPT = 1",
            "infer/__init__.py": "",
            "infer/generate.py": "from insidegpt.model.gpt import GPT",
        }
        for name, text in (sound | files).items():
            path = tmp_path / "insidegpt" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / "insidegpt"

    return write


def test_a_sound_package_has_no_faults(package):
    sound = package({})
    assert arrows_upward(sound) == import_cycle(sound) == too_big(sound) == []


@pytest.mark.parametrize(
    "text",
    [
        "import insidegpt.infer.generate",
        "from insidegpt.infer import generate",
        "from ..infer.generate import x",
        "def late():\n    from insidegpt.infer.generate import x",
        "from insidegpt import GPT",
    ],
)
def test_an_arrow_upward_is_found_however_it_is_written(package, text):
    assert len(arrows_upward(package({"model/rope.py": text}))) == 1


def test_neighbours_do_not_import_each_other(package):
    faulty = {"text/__init__.py": "", "text/bpe.py": "import insidegpt.model.gpt"}
    assert arrows_upward(package(faulty)) == ["text.bpe imports model.gpt"]


def test_a_floor_outside_the_plan_is_found(package):
    faulty = package({"utils/__init__.py": "", "utils/misc.py": ""})
    assert any("utils.misc" in line for line in arrows_upward(faulty))


def test_an_import_cycle_is_found(package):
    faulty = {"model/a.py": "from .b import x", "model/b.py": "from .a import y"}
    assert {"model.a", "model.b"} <= set(import_cycle(package(faulty)))


def test_size_counts_code_and_not_docstrings_or_comments(package):
    body = "\n".join(["def f():", '    """Say', "    much."] + ["    "] * 50)
    fine = body.replace("much.", 'much."""') + "\n    # note" * 50 + "\n    x = 1" * 39
    assert too_big(package({"model/a.py": fine})) == []
    assert too_big(package({"model/a.py": fine + "\n    x = 1"})) == [
        "model.a.f has 41 lines of code"
    ]
    assert too_big(package({"model/a.py": "x = 1\n" * 201})) == [
        "model.a has 201 lines"
    ]
    (package({"model/a.py": ""}) / "kernels.cpp").write_text("//\n" * 201)
    assert too_big(package({})) == ["kernels.cpp has 201 lines"]


def test_a_room_without_its_test_file_is_found(package, tmp_path):
    (tmp_path / "tests" / "model").mkdir(parents=True)
    (tmp_path / "tests" / "model" / "test_gpt.py").write_text("")
    assert untested(package({}), tmp_path / "tests") == ["infer.generate"]


def test_the_page_head_names_the_modules_it_opens():
    head = "12 min to read · 20 s to run · opens `text.bpe`, text.vocab\n:::"
    assert opened_by(head) == ["text.bpe", "text.vocab"]
    assert opened_by("3 min to read · 0 s to run\n:::") == []
