"""Train `mini` on a closed world, watch it at ten moments, and ask what it knows.

    python benchmarks/pretraining.py > src/insidegpt/show/records/pretraining.json
    python benchmarks/pretraining.py --seeds 1 --save mini > /dev/null

Shown on code/pretraining. A world and a model for each seed; about twelve minutes each.
--save keeps the first model with its tokenizer, or all with {seed} in its path.
"""

import json
import sys

import click
from corpora import END, Material, prepare
from tqdm import tqdm

from insidegpt.infer.generate import generate_batch
from insidegpt.infer.sampling import Sampling
from insidegpt.measure.knowledge import Answer, accuracy, known_bits, quiz
from insidegpt.measure.likelihood import ending_logprobs
from insidegpt.model.checkpoint import save_checkpoint
from insidegpt.model.gpt import GPT
from insidegpt.show.widgets.moments import smooth
from insidegpt.text.world.documents import (
    QUESTIONS_EVERY,
    Cloze,
    short,
    write_clozes,
)
from insidegpt.text.world.facts import RELATIONS, RULES, TIMES, Subject
from insidegpt.text.world.questions import ASKING
from insidegpt.train.loop import TrainConfig, train
from insidegpt.train.loss import next_token_loss

MOMENTS = 10  # evenly over the logarithm of steps
WATCHED = ("city", "job")  # relations that are asked for at each moment
SHOWN = (0, 4, 256)  # how often those are told whose city is shown


def shares(answers: list[Answer]) -> dict[str, list[float]]:
    """How many answers are right, by TIMES, for facts of chance and for rules."""
    return {
        kind: [
            round(accuracy(answers, rules=kind == "rules", times=n), 4) for n in TIMES
        ]
        for kind in ("chance", "rules")
    }


def doubts(model: GPT, material: Material) -> dict[str, list[float | None]]:
    """How probable a model finds it that nobody knows, asked for facts of chance as
    documents ask: by TIMES, of subjects that documents ask about and of others; and of
    strangers, asked about in vain and never named.
    """
    world, encode, who = material.world, material.tokenizer.encode, []
    prompts, endings = [], []
    for subject in [*world.subjects, *world.strangers]:
        for relation in RELATIONS[subject.kind]:
            if relation not in RULES:
                question = ASKING[relation][0].format(name=subject.name)
                prompts.append([material.end, *encode(question)])
                endings.append(encode(" " + short(relation, None)))
                who.append(subject)
    scores = ending_logprobs(model, prompts, endings).exp().tolist()

    def mean(subjects: list[Subject]) -> float | None:
        chosen = set(subjects)
        mine = [p for p, s in zip(scores, who, strict=True) if s in chosen]
        return round(sum(mine) / len(mine), 4) if mine else None

    asked = {s: s.asked and s.times >= QUESTIONS_EVERY for s in world.subjects}
    found = {
        name: [
            mean([s for s in asked if asked[s] is is_asked and s.times == n])
            for n in TIMES
        ]
        for name, is_asked in (("asked", True), ("not asked", False))
    }
    vain = [mean([s for s in world.strangers if s.asked is a]) for a in (True, False)]
    return found | {"strangers": vain}


def moment(model: GPT, material: Material, clozes: list[Cloze]) -> dict:
    """What a model writes and believes."""
    answers = quiz(model, material.tokenizer, clozes)
    beliefs = []
    for times in SHOWN:
        answer = next(
            a
            for a in answers
            if a.cloze.relation == "city" and a.cloze.subject.times == times
        )
        top = sorted(
            zip(answer.probabilities, answer.cloze.choices, strict=True), reverse=True
        )
        beliefs.append(
            {
                "prompt": answer.cloze.prompt,
                "times": times,
                "truth": answer.cloze.choices[answer.cloze.truth].strip(),
                "top": [(choice.strip(), round(p, 3)) for p, choice in top[:4]],
            }
        )
    told = [round(accuracy(answers, rules=False, times=times), 4) for times in TIMES]
    return {"text": write(model, material), "beliefs": beliefs, "known": told}


def write(model: GPT, material: Material) -> str:
    """A document of the model's own, at temperature 0.7."""
    sampling, stop = Sampling(0.7, seed=0), [material.end]
    (ids,) = generate_batch(
        model, [stop], max_new_tokens=60, sampling=sampling, stop_ids=stop
    )
    return material.tokenizer.decode(ids).removesuffix(END)


def experiment(
    seed: int, steps: int, rows: int, save: str | None, device: str = "cpu"
) -> dict:
    """One world, one model, and what became of it."""
    material = prepare(seed, rows=rows)
    model = material.fresh().to(device)
    config = TrainConfig(steps, device=device)
    moments = {round(steps ** (n / (MOMENTS - 1))) for n in range(MOMENTS)}
    watched = [c for c in write_clozes(material.world) if c.relation in WATCHED]
    losses, history, seconds = [], [], 0.0
    loop = train(model, material.batches, next_token_loss, config)
    for step in tqdm(loop, total=steps, desc=f"seed {seed}"):
        losses.append(step.loss)
        seconds += step.seconds
        if step.number + 1 in moments:
            model.eval()
            history.append({"step": step.number + 1} | moment(model, material, watched))
    model.eval()
    known = {}
    for words in ("trained", "held out", "turned", "foreign"):
        answers = quiz(model, material.tokenizer, write_clozes(material.world, words))
        known[words] = shares(answers)
        if words == "trained":  # two sentences a fact: its bits count once
            bits = round(known_bits(answers) / 2)
    if save:
        save_checkpoint(model, material.tokenizer, save.format(seed=seed))
    return {
        "seed": seed,
        "parameters": sum(p.numel() for p in model.parameters()),
        "train_tokens": len(material.batches.tokens),
        "steps": steps,
        "tokens_per_step": material.batches.tokens_per_batch,
        "seconds": round(seconds),
        "held_out_bits_per_byte": round(material.bits_per_byte(model), 4),
        "losses": smooth(losses),
        "moments": history,
        "known": known,
        "known_bits": bits,
        "doubts": doubts(model, material),
    }


@click.command()
@click.option("--seeds", default=3, show_default=True)
@click.option("--steps", default=2000, show_default=True)
@click.option("--rows", default=24, show_default=True, help="Windows a step.")
@click.option("--first", default=0, show_default=True, help="The first seed.")
@click.option("--save", help="Keep the first model here, or all of them.")
@click.option("--device", default="cpu", show_default=True)
def main(
    seeds: int, steps: int, rows: int, first: int, save: str | None, device: str
) -> None:
    """Print one JSON document."""
    runs = []
    for n in range(first, first + seeds):
        keep = save if save and (n == first or "{seed}" in save) else None
        runs.append(experiment(n, steps, rows, keep, device))
    command = f"python benchmarks/pretraining.py --seeds {seeds} --steps {steps}"
    found = {"command": f"{command} --rows {rows}", "runs": runs}
    json.dump(found, sys.stdout, separators=(",", ":"))


if __name__ == "__main__":
    main()
