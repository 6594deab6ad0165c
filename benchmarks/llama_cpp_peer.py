"""llama.cpp on the same file, through its C functions, for `make bench-inference`.

Built on demand: `pip install llama-cpp-python` takes about ten minutes.
"""

import numpy as np
import torch

from insidegpt.files.locate import smollm2_gguf


class LlamaCpp:
    """A context for ``batch`` texts at once. Raises ImportError if not installed."""

    def __init__(self, batch: int, *, tokens: int = 1024) -> None:
        import llama_cpp

        self.c, self.batch = llama_cpp, batch
        self._log = llama_cpp.llama_log_callback(lambda *_: None)
        llama_cpp.llama_log_set(self._log, None)
        params = llama_cpp.llama_model_default_params()
        with open("/proc/cpuinfo") as cpu:  # its AMX kernels crash on Q4_1, 0.3.36
            params.use_extra_bufts = "amx" not in cpu.read()
        path = str(smollm2_gguf()).encode()
        self.model = llama_cpp.llama_model_load_from_file(path, params)
        params = llama_cpp.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_seq_max = tokens * batch, tokens, batch
        params.n_threads = params.n_threads_batch = torch.get_num_threads()
        self.context = llama_cpp.llama_init_from_model(self.model, params)
        self.buffer = llama_cpp.llama_batch_init(tokens, 0, 1)

    def decode(self, prompt: list[int], new: int) -> list[int]:
        """Greedy ids of the first text; all of the batch have the same prompt."""
        self.forget()
        rows = [self.read(prompt, sequence=n) for n in range(self.batch)]
        ids, out = [int(row.argmax()) for row in rows], []
        for step in range(new - 1):
            out.append(ids[0])
            rows = self.step(ids, position=len(prompt) + step)
            ids = [int(row.argmax()) for row in rows]
        return [*out, ids[0]]

    def forget(self) -> None:
        memory = self.c.llama_get_memory(self.context)
        self.c.llama_memory_clear(memory, True)

    def prefill(self, prompt: list[int], *, sequence: int = 0) -> np.ndarray:
        """A whole prompt into one sequence; logits after it."""
        for n, token in enumerate(prompt):
            self.put(n, token, n, sequence, wanted=n == len(prompt) - 1)
        return self.run(len(prompt))[-1]

    def step(self, ids: list[int], *, position: int) -> list[np.ndarray]:
        """One token of every sequence; logits after each."""
        for n, token in enumerate(ids):
            self.put(n, token, position, n, wanted=True)
        return self.run(len(ids))

    def put(self, n: int, token: int, position: int, sequence: int, *, wanted: bool):
        b = self.buffer
        b.token[n], b.pos[n], b.logits[n] = token, position, wanted
        b.n_seq_id[n], b.seq_id[n][0] = 1, sequence

    def run(self, tokens: int) -> list[np.ndarray]:
        self.buffer.n_tokens = tokens
        if self.c.llama_decode(self.context, self.buffer) != 0:
            raise RuntimeError("llama.cpp could not decode this batch.")
        wanted = [n for n in range(tokens) if self.buffer.logits[n]]
        size = self.c.llama_vocab_n_tokens(self.c.llama_model_get_vocab(self.model))
        return [
            np.ctypeslib.as_array(
                self.c.llama_get_logits_ith(self.context, n), shape=(size,)
            )
            for n in wanted
        ]
