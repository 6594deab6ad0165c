"""SmolLM2: loading, the first token of an answer, decoding, prefill.

Run by `make bench-inference`. Decoding is paired with transformers' `generate`, on the
same dequantized weights, greedily, and the ids must be the same; the engine with four
bits also with llama.cpp on the same file, where that is installed.
"""

import statistics
import subprocess
import sys

import torch
from oracles import smollm2_in_transformers
from paired import compare, seconds

import insidegpt
from insidegpt.files.source import smollm2_gguf
from insidegpt.infer.engine import Engine
from insidegpt.infer.generate import new_cache, read
from insidegpt.infer.stream import answer
from insidegpt.model.gpt import GPT

NEW_TOKENS = 64
PROMPT_TOKENS = 512
ROUNDS = 5
LOAD = """
import time, insidegpt
start = time.perf_counter()
insidegpt.load_model(), insidegpt.load_tokenizer()
print(time.perf_counter() - start)
"""


def loading() -> float:
    """Seconds for model and tokenizer in a fresh process, imports aside; the file
    itself is in the system's cache from the second time on."""
    command = [sys.executable, "-c", LOAD]
    runs = [subprocess.check_output(command, text=True) for _ in range(ROUNDS)]
    return statistics.median(map(float, runs))


def memory_bound(model: GPT) -> float:
    """Tokens per second if reading every weight once were all there is to do."""
    big = torch.ones(200_000_000)  # 800 MB, far more than a core's caches
    fastest = min(seconds(big.sum) for _ in range(ROUNDS))
    bytes_a_token = sum(p.numel() * p.itemsize for p in model.parameters())
    return big.numel() * big.itemsize / fastest / bytes_a_token


def main() -> None:
    print(f"{torch.get_num_threads()} threads, float32, medians of {ROUNDS}")
    print(f"load model and tokenizer      {loading():6.2f} s")

    model, tokenizer = insidegpt.load_model(), insidegpt.load_tokenizer()
    message = [{"role": "user", "content": "What is the capital of France?"}]

    def first_piece():
        next(answer(model, tokenizer, message))

    first = statistics.median(seconds(first_piece) for _ in range(ROUNDS))
    print(f"first token of a chat answer  {first:6.2f} s")

    theirs = smollm2_in_transformers(smollm2_gguf())
    ids = tokenizer.encode("The weather today is")
    prompt = torch.tensor([ids])
    settings = {"do_sample": False, "eos_token_id": None, "pad_token_id": 0}
    settings |= {"max_new_tokens": NEW_TOKENS, "use_cache": True}
    settings["attention_mask"] = torch.ones_like(prompt)

    def run_ours():
        new = insidegpt.generate(model, ids, max_new_tokens=NEW_TOKENS, temperature=0)
        return ids + list(new)

    def run_theirs():
        with torch.inference_mode():
            return theirs.generate(prompt, **settings)[0].tolist()

    if run_ours() != run_theirs():  # also warms both up
        raise SystemExit("The two generate different tokens: nothing to compare.")
    own, other, ratio = compare(run_ours, run_theirs, rounds=ROUNDS)
    print(f"decode, batch 1: insidegpt    {NEW_TOKENS / own:6.1f} tokens/s")
    print(f"                 transformers {NEW_TOKENS / other:6.1f} tokens/s")
    print(f"                 ratio        {ratio:6.2f}")
    bound = memory_bound(model)
    print(
        f"                 memory allows{bound:6.1f} tokens/s, which would be a ratio"
    )
    print(f"                 of           {bound * other / NEW_TOKENS:6.2f}")

    engine = Engine(model, bits=4)

    def run_engine():
        settings = {"max_new_tokens": NEW_TOKENS, "temperature": 0}
        return list(insidegpt.generate(engine, ids, **settings))

    run_engine()
    own, _, ratio = compare(run_engine, run_theirs, rounds=ROUNDS)
    print(f"engine, 4 bits:  insidegpt    {NEW_TOKENS / own:6.1f} tokens/s")
    print(f"                 ratio to transformers in float32 {ratio:6.2f}")
    beside_llama_cpp(engine, run_engine, ids)


def beside_llama_cpp(engine: Engine, run_engine, ids: list[int]) -> None:
    """Decoding and prefill of the same file in llama.cpp, if it is installed."""
    try:
        import llama_cpp
    except ImportError:
        print("llama.cpp: not installed (pip install llama-cpp-python, ten minutes)")
        return
    defaults = llama_cpp.llama_model_default_params

    def without_amx():  # whose kernel for Q4_1 crashes here, version 0.3.36
        params = defaults()
        params.use_extra_bufts = False
        return params

    llama_cpp.llama_cpp.llama_model_default_params = without_amx
    threads = torch.get_num_threads()
    peer = llama_cpp.Llama(
        str(smollm2_gguf()),
        n_ctx=2048,
        n_threads=threads,
        n_threads_batch=threads,
        verbose=False,
    )

    def run_peer():
        peer.reset()
        peer.eval(ids)
        for _ in range(NEW_TOKENS - 1):
            peer.eval([peer.sample(temp=0.0)])

    run_peer()
    own, other, ratio = compare(run_engine, run_peer, rounds=ROUNDS)
    print(f"engine, 4 bits:  insidegpt    {NEW_TOKENS / own:6.1f} tokens/s")
    print(f"                 llama.cpp    {NEW_TOKENS / other:6.1f} tokens/s")
    print(f"                 ratio        {ratio:6.2f}")

    prompt = list(range(100, 100 + PROMPT_TOKENS))

    @torch.inference_mode()
    def read_ours():
        cache = new_cache(engine, batch=1, max_tokens=PROMPT_TOKENS)
        read(engine, torch.tensor([prompt]), cache)

    def read_theirs():
        peer.reset()
        peer.eval(prompt)

    read_ours()
    own, other, ratio = compare(read_ours, read_theirs, rounds=ROUNDS)
    print(
        f"prefill of {PROMPT_TOKENS}:  insidegpt    {PROMPT_TOKENS / own:6.0f} tokens/s"
    )
    print(f"                 llama.cpp    {PROMPT_TOKENS / other:6.0f} tokens/s")
    print(f"                 ratio        {ratio:6.2f}")


if __name__ == "__main__":
    main()
