"""nanoGPT's own program on tiny Shakespeare, run beside ours where a checkout is given.

The checkout is a directory, https://github.com/karpathy/nanoGPT; nothing of it is a
part of the book. Its text and its results are written into a copy.
"""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import torch
from torch import Tensor, nn

RECIPE = {
    "device": "cpu",
    "compile": "False",
    "eval_iters": 20,
    "log_interval": 100,
    "block_size": 64,
    "batch_size": 12,
    "n_layer": 4,
    "n_head": 4,
    "n_embd": 128,
    "max_iters": 2000,
    "lr_decay_iters": 2000,
    "dropout": 0.0,
}


class Logits(nn.Module):
    """Its model as ours are called: ids in, logits of all positions out."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.device = torch.device("cpu")

    def forward(self, ids: Tensor) -> Tensor:
        return self.model(ids, ids)[0]  # with targets, it gives all logits


def copy_of(checkout: Path, text: Path, folder: Path) -> Path:
    """The checkout with the text in the place of its data set, prepared."""
    copy = folder / "nanoGPT"
    shutil.copytree(checkout, copy, ignore=shutil.ignore_patterns(".git", "out*"))
    data = copy / "data" / "shakespeare_char"
    shutil.copy(text, data / "input.txt")
    subprocess.run(
        [sys.executable, "prepare.py"], cwd=data, check=True, stdout=sys.stderr
    )
    return copy


def train_as_published(copy: Path) -> float:
    """Run its CPU recipe; the seconds that it took, from start to end."""
    options = [f"--{name}={value}" for name, value in RECIPE.items()]
    began = time.perf_counter()
    command = [sys.executable, "train.py", "config/train_shakespeare_char.py", *options]
    subprocess.run(command, cwd=copy, check=True, stdout=sys.stderr)
    return time.perf_counter() - began


def trained(copy: Path) -> Logits:
    """The model that its recipe has kept."""
    kept = torch.load(  # our own run's file, just written
        copy / "out-shakespeare-char" / "ckpt.pt",
        map_location="cpu",
        weights_only=False,
    )
    module = load_module(copy)
    model = module.GPT(module.GPTConfig(**kept["model_args"]))
    model.load_state_dict(kept["model"])
    return Logits(model.eval())


def load_module(copy: Path):
    """Its ``model.py``."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("nanogpt_model", copy / "model.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["nanogpt_model"] = module
    spec.loader.exec_module(module)
    return module
