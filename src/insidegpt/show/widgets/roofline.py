"""The view of the roofline: what memory and arithmetic allow, for numbers to set."""

from insidegpt.show.view import View


def roofline_view(
    *,
    parameters: float,
    bits: int,
    memory_gb_s: float,
    arithmetic_gflop_s: float,
    title: str,
    caption: str,
    alt: str,
) -> View:
    """A calculator that begins with a model and a machine that were measured.

    parameters: how many. bits: of each. memory_gb_s: how fast memory is read, in 10^9
    bytes a second. arithmetic_gflop_s: in 10^9 operations a second.
    """
    read = parameters * bits / 8 / (memory_gb_s * 1e9)
    said = f"Reading the weights takes {1000 * read:.1f} ms: {1 / read:.0f} tokens/s."
    data = {"parameters": parameters, "bits": bits}
    data |= {"memory": memory_gb_s, "arithmetic": arithmetic_gflop_s}
    words = {"title": title, "caption": caption, "alt": alt}
    return View("roofline", data, fallback=f"<p>{said}</p>", **words)
