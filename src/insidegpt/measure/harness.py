"""Our models in lm_eval, the harness that most published scores come from.

    from lm_eval import simple_evaluate
    simple_evaluate(for_harness(model, tokenizer), tasks=[general_task()])

lm_eval (Gao et al., github.com/EleutherAI/lm-evaluation-harness) asks a model for three
things alone, all of them in text. It is imported when an adapter is made. Page:
code/evaluation.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import torch
import yaml
from torch.nn.utils.rnn import pad_sequence

from insidegpt.infer.generate import generate
from insidegpt.measure.likelihood import text_logprobs
from insidegpt.model.gpt import GPT
from insidegpt.text.interface import Tokenizer
from insidegpt.train.loss import token_logprobs

ROWS = 16  # texts that are read at a time
NEW_TOKENS = 256  # where a task doesn't say how long an answer may be


class Answers:
    """What the harness asks for. A request has its question in ``args``."""

    def __init__(self, model: GPT, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.model, self.tokenizer = model.eval(), tokenizer
        self.start = next(iter(tokenizer.begin_ids), tokenizer.end_ids[0])

    def loglikelihood(self, requests: Sequence, **_: Any) -> list[tuple[float, bool]]:
        """Of a continuation after its context: log-probability, and if it is greedy."""
        pairs = [self.encode_pair(*request.args) for request in requests]
        return [
            a for n in range(0, len(pairs), ROWS) for a in self._read(pairs[n:][:ROWS])
        ]

    def loglikelihood_rolling(self, requests: Sequence, **_: Any) -> list[float]:
        """Of a whole text, in windows of the model's context."""
        tokens = self.model.config.context_tokens
        texts = [[self.start, *self.tokenizer.encode(r.args[0])] for r in requests]
        found = [
            text_logprobs(self.model, ids, context_tokens=tokens, stride=tokens)
            for ids in texts
        ]
        return [logprobs.double().sum().item() for logprobs in found]

    def generate_until(self, requests: Sequence, **_: Any) -> list[str]:
        """What the model writes after a context, before the first of some texts."""
        return [self._write(*request.args) for request in requests]

    def encode_pair(self, context: str, ending: str) -> tuple[list[int], list[int]]:
        """Ids of both, encoded as one text and cut where the context ends.

        Spaces at the end of a context belong to what follows, as in lm_eval.
        """
        if not context:
            return [self.start], self.tokenizer.encode(ending)
        kept = context.rstrip()
        context_ids = self.tokenizer.encode(kept)
        whole = self.tokenizer.encode(context + ending)
        return context_ids, whole[len(context_ids) :]

    @torch.inference_mode()
    def _read(self, pairs: Sequence[tuple]) -> list[tuple[float, bool]]:
        """A batch, padded on the right; a text that is too long loses its beginning."""
        limit = self.model.config.context_tokens + 1
        texts = [torch.tensor([*c, *e][-limit:]) for c, e in pairs]
        read = self.model(pad_sequence([text[:-1] for text in texts], batch_first=True))
        answers = []
        for logits, text, (_, ending) in zip(read, texts, pairs, strict=True):
            target = text[-len(ending) :]
            span = logits[len(text) - 1 - len(ending) : len(text) - 1]
            found = token_logprobs(span[None], target[None])[0].double().sum().item()
            answers.append((found, bool((span.argmax(-1) == target).all())))
        return answers

    def _write(self, context: str, settings: dict[str, Any]) -> str:
        stop = settings.get("until") or []
        stop = [stop] if isinstance(stop, str) else stop
        count = settings.get("max_gen_toks", NEW_TOKENS)
        room = self.model.config.context_tokens - count
        ids = self.tokenizer.encode(context)[-room:]
        warm = settings.get("temperature", 0.0) if settings.get("do_sample") else 0.0
        ends = self.tokenizer.end_ids
        said = generate(
            self.model, ids, max_new_tokens=count, temperature=warm, stop_ids=ends
        )
        text = self.tokenizer.decode(list(said))
        for end in filter(None, stop):
            text = text.partition(end)[0]
        return text


def for_harness(model: GPT, tokenizer: Tokenizer) -> Any:
    """A model as lm_eval wants it. Raises ImportError where lm_eval isn't installed."""
    try:
        from lm_eval.api.model import LM
    except ImportError as error:
        raise ImportError(
            "The harness is not installed: run `pip install lm-eval`."
        ) from error
    return type("InsideGPT", (Answers, LM), {})(model, tokenizer)


def general_task() -> dict[str, Any]:
    """The questions of ``choices.general_knowledge`` as a task, wherever one works."""
    folder = files("insidegpt.measure") / "tasks"
    task = yaml.safe_load((folder / "general.yaml").read_text("utf-8"))
    task["dataset_kwargs"]["data_files"]["test"] = str(folder / "general.jsonl")
    return task
