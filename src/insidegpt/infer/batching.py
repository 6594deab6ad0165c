"""Many texts through one model, each coming and going when it likes.

Continuous batching (Yu et al. 2022, "iteration-level scheduling"): after every token
finished texts leave and waiting ones enter, so nobody waits for the longest. With
packed weights a text's tokens do not depend, to the bit, on who else is there; dense
products may round differently in company. Page: code/fast-inference.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from insidegpt.infer.generate import CHUNK_TOKENS, check_room
from insidegpt.infer.sampling import GREEDY, Sampling, choose
from insidegpt.model.cache import Cache
from insidegpt.model.interface import Model


@dataclass(eq=False)
class Job:
    """One text on its way; ``Batcher.submit`` makes it."""

    ids: list[int]  # the prompt, and the answer so far
    end: int  # how many ids there are if nothing stops it
    sampling: Sampling
    stop_ids: frozenset[int]
    generator: torch.Generator | None = field(repr=False)
    cache: Cache | None = field(default=None, repr=False)  # while it has a slot
    cancelled: bool = False  # set it, from any thread, and the next step drops the job

    @property
    def unread(self) -> list[int]:
        return self.ids[self.cache.tokens :]


@dataclass(frozen=True)
class Token:
    """What a step chose for one job."""

    job: Job
    id: int  # a stop id is not added to the text
    logits: Float[Tensor, " V"] = field(repr=False)
    finish_reason: str | None  # "stop" or "length" if the job is over


class Batcher:
    """Runs up to ``slots`` texts at once; more wait in the order they came."""

    def __init__(self, model: Model, *, slots: int = 8) -> None:
        if not 1 <= slots <= model.max_rows:
            raise ValueError(
                f"slots must lie between 1 and {model.max_rows}, not {slots}."
            )
        self.model, self.slots = model, slots
        self.waiting: deque[Job] = deque()
        self.running: list[Job] = []

    def submit(
        self,
        ids: Sequence[int],
        *,
        max_new_tokens: int,
        sampling: Sampling = GREEDY,
        stop_ids: Iterable[int] = (),
    ) -> Job:
        """Queue a prompt; may be called while another thread is in ``step``."""
        ids = list(ids)
        self.model.check(self._tensor([ids]))
        check_room(self.model, len(ids), max_new_tokens)
        end, stop = len(ids) + max_new_tokens, frozenset(stop_ids)
        job = Job(ids, end, sampling, stop, sampling.generator())
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
        # 1. Who has finished leaves, who waits takes the free slots.
        self.admit()
        reading = [job for job in self.running if len(job.unread) > 1]
        writing = [job for job in self.running if len(job.unread) == 1]
        chosen, room = [], CHUNK_TOKENS
        # 2. Prompts: a chunk of each, in the pieces that ``prefill`` would read.
        for job in reading:
            piece = job.unread[:CHUNK_TOKENS]
            if len(piece) > room:
                break
            room -= len(piece)
            hidden = self.model.hidden(self._tensor([piece]), cache=job.cache)
            if not job.unread:
                chosen.append((job, self.model.logits(hidden[:, -1])))
        # 3. Answers: one token of each, all in one reading of the weights.
        if writing:
            last = self._tensor([job.ids[-1] for job in writing])
            logits = self.model.step(last, [job.cache for job in writing])
            chosen += zip(writing, logits.split(1), strict=True)  # (1, V) each
        # 4. Choose each text's next token.
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
                job.cache = self.model.new_cache(batch=1, max_tokens=job.end)
                self.running.append(job)

    def choose(self, job: Job, logits: Float[Tensor, "1 V"]) -> Token:
        """Add the next token to a text, or end the text with it."""
        seen = self._tensor([job.ids])
        id = int(choose(logits, seen, job.sampling, job.generator))
        finish_reason = "stop" if id in job.stop_ids else None
        if finish_reason is None:
            job.ids.append(id)
            finish_reason = "length" if len(job.ids) == job.end else None
        if finish_reason:
            self.running.remove(job)
            job.cache = None
        return Token(job, id, logits[0], finish_reason)

    def _tensor(self, ids: list) -> Tensor:
        return torch.tensor(ids, dtype=torch.long, device=self.model.device)
