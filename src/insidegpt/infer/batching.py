"""Many texts through one model, each coming and going when it likes.

Continuous batching (Yu et al. 2022, "iteration-level scheduling"): after every token
finished texts leave and waiting ones enter, so nobody waits for the longest. A text's
tokens do not depend, to the bit, on who else is there. Page: code/fast-inference.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from insidegpt.infer.generate import (
    CHUNK_TOKENS,
    Model,
    Sampler,
    Stepper,
    check_room,
    new_cache,
)
from insidegpt.model.cache import KVCache

MOST_SLOTS = 256  # for a model that takes its texts in turn
GREEDY = Sampler(temperature=0.0)


@dataclass(eq=False)
class Job:
    """One text on its way; ``Batcher.submit`` makes it."""

    text: list[int]  # the prompt, and the answer so far
    end: int  # its length if nothing stops it
    sampler: Sampler
    stop_ids: frozenset[int]
    cache: KVCache | None = field(default=None, repr=False)  # while it has a slot
    cancelled: bool = False  # set it, from any thread, and the next step drops the job

    @property
    def unread(self) -> list[int]:
        return self.text[self.cache.tokens :]


@dataclass(frozen=True)
class Token:
    """What a step chose for one job."""

    job: Job
    id: int  # a stop id is not added to the text
    logits: Float[Tensor, " V"] = field(repr=False)
    last: str | None  # "stop" or "length" if the job is over


class Batcher:
    """Runs up to ``slots`` texts at once; more wait in the order they came."""

    def __init__(self, model: Model, *, slots: int = 8) -> None:
        most = model.most_rows if isinstance(model, Stepper) else MOST_SLOTS
        if not 1 <= slots <= most:
            raise ValueError(f"slots must lie between 1 and {most}, not {slots}.")
        self.model, self.slots = model, slots
        self.waiting: deque[Job] = deque()
        self.running: list[Job] = []

    def submit(
        self,
        ids: Sequence[int],
        *,
        max_new_tokens: int,
        sampler: Sampler = GREEDY,
        stop_ids: Iterable[int] = (),
    ) -> Job:
        """Queue a prompt; may be called while another thread is in ``step``."""
        text = list(ids)
        self.model.check(torch.tensor([text], dtype=torch.long))
        check_room(self.model, len(text), max_new_tokens)
        job = Job(text, len(text) + max_new_tokens, sampler, frozenset(stop_ids))
        self.waiting.append(job)
        return job

    def clear(self) -> None:
        """Forget every text, as after a fault."""
        self.waiting.clear()
        self.running.clear()

    @property
    def busy(self) -> bool:
        return bool(self.waiting or self.running)

    @torch.inference_mode()
    def step(self) -> list[Token]:
        """Read some of the new prompts, then one token of every other text."""
        self.admit()
        reading = [job for job in self.running if len(job.unread) > 1]
        writing = [job for job in self.running if len(job.unread) == 1]
        chosen, room = [], CHUNK_TOKENS
        for job in reading:
            piece = job.unread[:CHUNK_TOKENS]  # cut as ``generate.read`` would
            if len(piece) > room:
                break
            room -= len(piece)
            hidden = self.model.hidden(torch.tensor([piece]), cache=job.cache)
            if not job.unread:
                chosen.append((job, self.model.logits(hidden[:, -1])))
        if writing:
            rows = self.next_logits(writing).split(1)  # (1, V) each
            chosen += zip(writing, rows, strict=True)
        return [self.choose(job, logits) for job, logits in chosen]

    def admit(self) -> None:
        """Fill the slots that finished and cancelled texts have left."""
        self.running = [job for job in self.running if not job.cancelled]
        while len(self.running) < self.slots:
            try:
                job = self.waiting.popleft()
            except IndexError:  # nobody waits, or the last has just left
                break
            if not job.cancelled:
                job.cache = new_cache(self.model, batch=1, max_tokens=job.end)
                self.running.append(job)

    def next_logits(self, jobs: list[Job]) -> Float[Tensor, "B V"]:
        """Read the last token of each text: at once if the model can."""
        ids = torch.tensor([job.text[-1] for job in jobs])
        caches = [job.cache for job in jobs]
        if isinstance(self.model, Stepper):
            return self.model.step(ids, caches)
        hidden = [
            self.model.hidden(row[None], cache=cache)[:, -1]
            for row, cache in zip(ids.split(1), caches, strict=True)
        ]
        return torch.cat([self.model.logits(row) for row in hidden])

    def choose(self, job: Job, logits: Float[Tensor, "1 V"]) -> Token:
        id = int(job.sampler(logits, torch.tensor([job.text])))
        last = "stop" if id in job.stop_ids else None
        if last is None:
            job.text.append(id)
            last = "length" if len(job.text) == job.end else None
        if last:
            self.running.remove(job)
            job.cache = None
        return Token(job, id, logits[0], last)
