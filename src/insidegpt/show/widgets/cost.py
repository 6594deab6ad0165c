"""The view of costs: a calculator for models and processors to choose from."""

from collections.abc import Mapping

from insidegpt.measure import price
from insidegpt.measure.price import Bill, Plan, Processor, Size
from insidegpt.show.view import View

BITS = (16, 8, 4)
CONSTANTS = {
    "adam_bytes": price.ADAM_BYTES,
    "cache_bytes": price.CACHE_BYTES,
    "room": price.ROOM,
    "answer_tokens": price.ANSWER_TOKENS,
    "hour_s": price.HOUR_S,
    "million": price.MILLION,
}


def cost_view(
    models: Mapping[str, Size],
    processors: Mapping[str, Processor],
    *,
    model: str,
    processor: str,
    bits: int,
    context_tokens: int,
    texts: int,
    reached: float,
    usd_hour: float,
    title: str,
    caption: str,
    alt: str,
) -> View:
    """A calculator that begins with one of the models on one of the processors.

    context_tokens and texts: powers of two, as the sliders have them; the training text
    begins with what the model was trained on. Raises ValueError for another number.
    """
    if {n.bit_count() for n in (context_tokens, texts)} != {1}:
        raise ValueError(f"{context_tokens} or {texts} is not a power of two.")
    start = {
        "model": list(models).index(model),
        "processor": list(processors).index(processor),
        "bits": BITS.index(bits),
        "context": context_tokens.bit_length() - 1,
        "texts": texts.bit_length() - 1,
        "reached": round(100 * reached),
        "rent": round(10 * usd_hour),
    }
    data = {
        "models": [{"name": n} | m._asdict() for n, m in models.items()],
        "processors": [{"name": n} | p._asdict() for n, p in processors.items()],
        "bits": list(BITS),
        "start": start,
        **CONSTANTS,
    }
    one = models[model]
    plan = Plan(one.trained_tokens, bits, context_tokens, texts, reached, usd_hour)
    said = _said(model, processor, price.bill(one, plan, processors[processor]))
    words = {"title": title, "caption": caption, "alt": alt}
    return View("cost", data, fallback=f"<p>{said}</p>", **words)


def _said(model: str, processor: str, bill: Bill) -> str:
    """What the calculator begins with, in a sentence, where no script runs."""
    return (
        f"{model} on {processor}s: {bill.training_flops:.2g} operations to train, "
        f"${bill.training_usd:,.0f}; ${bill.read_usd:.2f} for a million tokens read, "
        f"${bill.written_usd:.2f} for a million written; {bill.answer_wh:.2g} Wh an "
        f"answer."
    )
