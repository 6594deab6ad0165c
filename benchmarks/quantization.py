"""What packing costs: perplexity of SmolLM2 on 50,000 tokens, packed and not.

    python benchmarks/quantization.py > src/insidegpt/show/records/quantization.json

The text is docstrings of SymPy. The packed kernels themselves are measured: prompts do
not take the dense detour here. Takes about ten minutes on two cores.
"""

import json
import math
import sys

import torch
import torch.nn.functional as F
from tqdm import tqdm

import insidegpt
from insidegpt.fast import quantize
from insidegpt.fast.cpp_engine import CppEngine
from insidegpt.fast.torch_engine import TorchEngine
from insidegpt.model.interface import Model
from insidegpt.text.corpus import docstrings

TOKENS = 50_000
WINDOW = 1000


@torch.inference_mode()
def mean_loss(model: Model, windows: torch.Tensor, name: str) -> float:
    """Nats per token, each window of tokens read on its own."""
    total = 0.0
    for row in tqdm(windows, desc=name, file=sys.stderr):
        logits = model.logits(model.hidden(row[None]))[0, :-1].float()
        total += F.cross_entropy(logits, row[1:]).item()
    return total / len(windows)


def main() -> None:
    model, tokenizer = insidegpt.load_model(), insidegpt.load_tokenizer()
    ids = tokenizer.encode("\n\n".join(docstrings(("sympy",))))[:TOKENS]
    windows = torch.tensor(ids).view(-1, WINDOW)
    quantize.MANY_ROWS = 10**9
    reference = mean_loss(model, windows, "float32")
    command = __doc__.split("\n\n")[1].strip()
    result = {"command": command, "tokens": windows.numel()}
    result["perplexity"] = {"float32": math.exp(reference)}
    for name, form, bits in (
        ("bfloat16", TorchEngine, None),
        ("int8", TorchEngine, 8),
        ("int4", TorchEngine, 4),
        ("integers, int8", CppEngine, 8),
        ("integers, int4", CppEngine, 4),
    ):
        loss = mean_loss(form(model, bits=bits), windows, name)
        result["perplexity"][name] = math.exp(loss)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
