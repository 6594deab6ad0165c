"""SmolLM2: loading, first token, decoding, batches, prompts, guessing ahead, memory.

Run by `make bench-inference`. All comparisons are paired in one run. `transformers`
runs the same dequantized weights, greedily, and must give the same ids; llama.cpp runs
the same file, where it is installed.
"""

import statistics
import subprocess
import sys
from collections.abc import Iterator

import torch
from llama_cpp_peer import LlamaCpp
from oracles import smollm2_in_transformers
from paired import compare, seconds

import insidegpt
from insidegpt.fast.cpp_engine import CppEngine
from insidegpt.fast.torch_engine import TorchEngine
from insidegpt.files.locate import smollm2_gguf
from insidegpt.infer.batching import Batcher
from insidegpt.infer.chat import answer
from insidegpt.infer.generate import prefill
from insidegpt.infer.sampling import GREEDY as GREEDILY
from insidegpt.infer.speculative import PromptLookup, speculate
from insidegpt.model.gpt import GPT
from insidegpt.model.interface import Model
from insidegpt.text.chat import encode_chat
from insidegpt.text.corpus import docstrings
from insidegpt.text.interface import Tokenizer

NEW_TOKENS = 64
PROMPT_TOKENS = 512
BATCH = 8
ROUNDS = 5
GREEDY = {"max_new_tokens": NEW_TOKENS, "temperature": 0}
LOAD = """
import time, insidegpt
start = time.perf_counter()
insidegpt.load_model(), insidegpt.load_tokenizer()
print(time.perf_counter() - start)
"""
# The most memory that a process has held, decoding one text. Peaks include loading.
MEMORY = {
    "insidegpt, float32": "m = insidegpt.load_model()",
    "insidegpt, PyTorch 4 bits": "m = TorchEngine(insidegpt.load_model(), bits=4)",
    "insidegpt, native 4 bits": "m = load_fastest(bits=4)",
}
PEAK = """
import re, insidegpt
from insidegpt.fast.choose import load_fastest
from insidegpt.fast.torch_engine import TorchEngine
{model}
list(insidegpt.generate(m, [504, 2120], max_new_tokens=64, temperature=0))
print(int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024)
"""
PEAK_PEER = """
import re, sys
sys.path.insert(0, "benchmarks")
from llama_cpp_peer import LlamaCpp
LlamaCpp(1).decode([504, 2120], 64)
print(int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024)
"""


def child(program: str) -> float:
    command = [sys.executable, "-c", program]
    quiet = {"stderr": subprocess.DEVNULL, "text": True}
    return float(subprocess.check_output(command, **quiet).split()[-1])


def report(name: str, tokens: int, ours, theirs, *, peer: str) -> None:
    """One comparison, both warm."""
    ours(), theirs()
    own, other, ratio = compare(ours, theirs, rounds=ROUNDS)
    print(
        f"{name:35} {tokens / own:6.0f}   {peer:21} {tokens / other:6.0f}   "
        f"ratio {ratio:5.2f}",
        flush=True,
    )


def memory_speed() -> float:
    """Bytes a second that both cores read together."""
    big = torch.ones(200_000_000)  # 800 MB, far more than a core's caches
    return big.nbytes / min(seconds(big.sum) for _ in range(ROUNDS))


def memory_bound(model: GPT) -> float:
    """Tokens per second if reading every weight once were all there is to do."""
    return memory_speed() / sum(p.nbytes for p in model.parameters())


def native_bandwidth(native: CppEngine, ids: list[int]) -> float:
    """GB of weights a second that decoding reads."""
    list(insidegpt.generate(native, ids, **GREEDY))
    spent = min(
        seconds(lambda: list(insidegpt.generate(native, ids, **GREEDY)))
        for _ in range(ROUNDS)
    )
    return NEW_TOKENS * native.weight_bytes / spent / 1e9


def batch_of(engine: Model, prompt: list[int]) -> None:
    """Eight texts to their ends, through the batcher."""
    batcher = Batcher(engine, slots=BATCH)
    for _ in range(BATCH):
        batcher.submit(prompt, max_new_tokens=NEW_TOKENS)
    while batcher.busy:
        batcher.step()


@torch.inference_mode()
def read_prompt(model: Model, prompt: list[int]) -> None:
    cache = model.new_cache(batch=1, max_tokens=len(prompt))
    prefill(model, torch.tensor([prompt]), cache)


def main() -> None:
    print(f"{torch.get_num_threads()} threads, medians of {ROUNDS}, tokens per second")
    loading = statistics.median(child(LOAD) for _ in range(ROUNDS))
    print(f"load model and tokenizer      {loading:6.2f} s")
    model, tokenizer = insidegpt.load_model(), insidegpt.load_tokenizer()
    message = [{"role": "user", "content": "What is the capital of France?"}]
    first = statistics.median(
        seconds(lambda: next(answer(model, tokenizer, message))) for _ in range(ROUNDS)
    )
    print(f"first token of a chat answer  {first:6.2f} s")
    print(f"memory allows float32         {memory_bound(model):6.1f} tokens/s")
    ids = tokenizer.encode("The weather today is")
    packed, native = TorchEngine(model, bits=4), CppEngine(model, bits=4)
    models = {
        "float32": model,
        "PyTorch 4 bits": packed,
        "native 8 bits": CppEngine(model, bits=8),
        "native 4 bits": native,
    }
    speed = native_bandwidth(native, ids)
    print(f"native 4 bits reads {speed:.0f} GB/s of {memory_speed() / 1e9:.0f}")
    beside_transformers(models, ids)
    beside_llama_cpp(native, ids)
    guessing("float32", model, tokenizer, guesses=7)
    guessing("PyTorch 4 bits", packed, tokenizer, guesses=3)
    guessing("native 4 bits", native, tokenizer, guesses=3)
    for name, program in MEMORY.items():
        print(f"peak memory, {name:27} {child(PEAK.format(model=program)):6.0f} MB")


def beside_transformers(models: dict[str, Model], ids: list[int]) -> None:
    theirs = smollm2_in_transformers(smollm2_gguf())
    prompt = torch.tensor([ids])
    settings = {"do_sample": False, "eos_token_id": None, "pad_token_id": 0}
    settings |= {"max_new_tokens": NEW_TOKENS, "use_cache": True}

    @torch.inference_mode()
    def run(batch: int = 1) -> list[int]:
        rows = prompt.expand(batch, -1)
        mask = torch.ones_like(rows)
        return theirs.generate(rows, attention_mask=mask, **settings)[0].tolist()

    if run() != ids + list(insidegpt.generate(models["float32"], ids, **GREEDY)):
        raise SystemExit("The two generate different tokens: nothing to compare.")
    peer = "transformers, float32"
    for name, model in models.items():

        def ours(model=model):
            return list(insidegpt.generate(model, ids, **GREEDY))

        report(f"decode, {name}", NEW_TOKENS, ours, run, peer=peer)
    tokens = NEW_TOKENS * BATCH
    report(
        f"decode, native 4 bits, batch {BATCH}",
        tokens,
        lambda: batch_of(models["native 4 bits"], ids),
        lambda: run(BATCH),
        peer=peer,
    )


def beside_llama_cpp(native: CppEngine, ids: list[int]) -> None:
    try:
        peers = {batch: LlamaCpp(batch) for batch in (1, BATCH)}
    except ImportError:
        print("llama.cpp: not installed (pip install llama-cpp-python, ten minutes)")
        return
    report(
        "decode, native 4 bits",
        NEW_TOKENS,
        lambda: list(insidegpt.generate(native, ids, **GREEDY)),
        lambda: peers[1].decode(ids, NEW_TOKENS),
        peer="llama.cpp, Q4_1",
    )
    report(
        f"decode, native 4 bits, batch {BATCH}",
        NEW_TOKENS * BATCH,
        lambda: batch_of(native, ids),
        lambda: peers[BATCH].decode(ids, NEW_TOKENS),
        peer="llama.cpp, Q4_1",
    )
    prompt = list(range(100, 100 + PROMPT_TOKENS))

    def read_theirs():
        peers[1].forget()
        peers[1].read(prompt)

    report(
        f"prefill of {PROMPT_TOKENS}, native 4 bits",
        PROMPT_TOKENS,
        lambda: read_prompt(native, prompt),
        read_theirs,
        peer="llama.cpp, Q4_1",
    )
    print(f"peak memory, llama.cpp                   {child(PEAK_PEER):6.0f} MB")


def guessing(name: str, model: Model, tokenizer: Tokenizer, *, guesses: int) -> None:
    """Ten summaries, with guesses from the prompt and without: ids and times."""
    texts = [
        text
        for text in docstrings(("sympy", "torch"))
        if 250 < len(tokenizer.encode(text)) < 450 and ">>>" not in text
    ][::60][:10]
    settings = {"max_new_tokens": 120, "temperature": 0}
    greedily = {"max_new_tokens": 120, "sampling": GREEDILY}
    plain, guessed, tokens, rounds = [0.0, 0.0], [0.0, 0.0], 0, 0
    for text in texts:
        message = {"role": "user", "content": f"Summarize this text:\n\n{text}"}
        prompt = encode_chat(tokenizer, [message])
        alone = timed(insidegpt.generate(model, prompt, **settings), plain)
        draft = PromptLookup(tokens=guesses)
        pieces = timed(speculate(model, prompt, draft=draft, **greedily), guessed)
        tokens, rounds = tokens + len(alone), rounds + len(pieces)
        if sum(pieces, []) != alone:
            raise SystemExit("Guessing changed a text.")
    print(
        f"guessing in {len(texts)} summaries, {name:14} "
        f"{sum(plain) / sum(guessed):5.2f} times as fast, "
        f"{plain[1] / guessed[1]:.2f} once the prompt is read; "
        f"{tokens / rounds:.2f} tokens a round",
        flush=True,
    )


def timed(work: Iterator, spent: list[float]) -> list:
    """What an iterator gives; seconds of its first item and of the others to spent."""
    out = []
    spent[0] += seconds(lambda: out.append(next(work)))
    spent[1] += seconds(lambda: out.extend(work))
    return out


if __name__ == "__main__":
    main()
