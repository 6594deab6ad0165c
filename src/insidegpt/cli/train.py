"""``insidegpt train``: a model of one's own, from a recipe."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from tqdm import tqdm

from insidegpt.align.pipeline import PLANS, Plan, build
from insidegpt.cli.options import printable
from insidegpt.infer.generate import generate
from insidegpt.text.interface import Tokenizer
from insidegpt.train.recipe import load_recipe
from insidegpt.train.run import Job, carry_out, prepare

STOPPED = "Stopped; the same command goes on."


@click.command()
@click.argument("recipe")
@click.option("--out", type=Path, help="Directory of the model.  [default: its name]")
@click.option("--prompt", default="", help="What its samples begin with.")
def train(recipe: str, out: Path | None, prompt: str) -> None:
    """Train a model as RECIPE says: a TOML file, or mini, small-world, small-gpt2 or
    bytes; or chat, which is mini, taught to answer, and to answer as people prefer, and
    small-chat, which is the same for a smaller world and takes a minute.

    Ctrl-C stops it; the same command goes on where it stopped.
    """
    out = out or Path(Path(recipe).stem)
    try:
        if recipe in PLANS:
            finished = show_stages(out, PLANS[recipe])
            then = f"Try: insidegpt chat --model {out / 'chat'}"
            return click.echo(f"{'Trained. ' + then if finished else STOPPED}")
        job = prepare(load_recipe(recipe), out)
        finished = show(job, prompt)
    except (ValueError, OSError, FloatingPointError) as error:
        raise click.ClickException(str(error)) from error
    done = "Trained." if finished else STOPPED
    click.echo(f"{done} Try: insidegpt generate --model {out} {prompt or 'The'!r}")


def show(job: Job, prompt: str) -> bool:
    """Train with a bar and samples; whether it came to the end."""
    steps = job.recipe.training.steps
    about = f"{parameters(job):,} parameters, {len(job.batches.tokens):,} tokens"
    click.echo(f"{about}, step {job.training.done} of {steps}.")
    bar = tqdm(total=steps, initial=job.training.done, unit=" steps")
    with asked_to_stop() as stop, bar:
        for report in carry_out(job):
            bar.update()
            bar.set_postfix(loss=f"{report.step.loss:.2f}", refresh=False)
            if report.held_out is not None:
                said = sample(job, prompt, job.recipe.seed)
                number = report.step.number + 1
                bar.write(
                    f"step {number}: {report.held_out:.3f} nats a token on held-out "
                    f"text\n    {said}"
                )
            if stop:
                return report.step.number + 1 == steps
    return True


def show_stages(out: Path, plan: Plan) -> bool:
    """From text to a chat with a bar for each stage; whether it came to the end."""
    stage, bar = "", None
    with asked_to_stop() as stop:
        for step in build(out, plan):
            if step.stage != stage:
                bar and bar.close()
                stage = step.stage
                bar = tqdm(desc=stage, total=step.steps, initial=step.done - 1)
            bar.set_postfix_str(step.about, refresh=False)
            bar.update()
            if stop:
                break
    bar and bar.close()
    return (out / "chat" / "model.safetensors").exists()


def parameters(job: Job) -> int:
    return sum(p.numel() for p in job.training.model.parameters())


def sample(job: Job, prompt: str, seed: int) -> str:
    """Forty tokens of the model as it is now, on one line."""
    tokenizer: Tokenizer = job.tokenizer
    ids = [*tokenizer.begin_ids, *tokenizer.encode(prompt)]
    settings = {"max_new_tokens": 40, "temperature": 0.8, "seed": seed}
    model = job.training.model.eval()
    said = generate(model, ids, stop_ids=tokenizer.end_ids, **settings)
    return " ".join(printable(prompt + tokenizer.decode(said)).split())


@contextmanager
def asked_to_stop() -> Iterator[list[int]]:
    """A list that Ctrl-C fills, so that no step is cut in two; the second one cuts."""
    asked: list[int] = []

    def note(number: int, frame: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
