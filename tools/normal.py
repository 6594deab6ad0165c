"""The one form in which pages are stored: without noise, and with compact figures.

A change in a page then shows as that change alone.
"""

from base64 import b64decode, b64encode
from io import BytesIO
from pathlib import Path

import nbformat
import numpy as np
from nbformat import NotebookNode
from PIL import Image

NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}
CELL_METADATA = ("tags", "mystnb")  # the rest is what editors and execution leave
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def read_page(path: Path) -> NotebookNode:
    """A stored page as a notebook of format 4."""
    return nbformat.reads(path.read_text("utf-8"), as_version=4)


def page_text(nb: NotebookNode) -> str:
    """The one way a page is written to disk."""
    return nbformat.writes(nb, version=4) + "\n"


def normalise(nb: NotebookNode) -> NotebookNode:
    """`nb` in its normal form; changing nothing the second time."""
    nb.nbformat, nb.nbformat_minor = 4, 5
    nb.metadata = nbformat.from_dict(NOTEBOOK_METADATA)
    runs = 0
    for position, cell in enumerate(nb.cells, 1):
        cell.id = f"c{position:03}"
        for key in cell.metadata.keys() - CELL_METADATA:
            del cell.metadata[key]
        if cell.cell_type != "code":
            continue
        cell.outputs = normal_outputs(cell.outputs)
        if cell.execution_count is not None:
            runs += 1
            cell.execution_count = runs
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count
    return nb


def normal_outputs(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Streams joined, standard error and widget ids dropped, pictures made compact."""
    kept: list[NotebookNode] = []
    for output in outputs:
        if output.output_type == "stream":
            if output.name == "stderr":
                continue
            if kept and kept[-1].output_type == "stream":
                kept[-1].text += output.text
                continue
        data = output.get("data", {})
        data.pop(WIDGET_VIEW, None)  # the page shows the text/html beside it
        if "image/png" in data:
            data["image/png"] = compact_png(data["image/png"])
        kept.append(output)
    return kept


def problems(text: str) -> list[str]:
    """What is wrong with a stored page, a line each; empty when nothing is."""
    nb = nbformat.reads(text, as_version=4)
    found = []
    for number, cell in enumerate(nb.cells, 1):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        if cell.execution_count is None:
            found.append(f"cell {number} was never run")
        if cell.source.rstrip().endswith(";"):
            found.append(f"cell {number} ends with a semicolon, which nbval ignores")
        for output in cell.outputs:
            if output.output_type == "error":
                found.append(f"cell {number} stores an error: {output.ename}")
    if page_text(normalise(nb)) != text:
        found.append("it is not in its normal form: run make normalise")
    return found


def compact_png(text: str) -> str:
    """A base64 PNG, as a palette picture where that saves a tenth; else unchanged."""
    before = b64decode(text)
    image = Image.open(BytesIO(before))
    if image.mode == "P":
        return "".join(text.split())
    pixels = np.asarray(image.convert("RGBA"))
    small = BytesIO()
    if (palette := few_colours(pixels)) is not None:
        colours, index = palette
        picture = Image.fromarray(index)
        picture.putpalette(colours[:, :3].tobytes())
        transparent = bytes(colours[:, 3]) if colours[:, 3].min() < 255 else None
        picture.save(small, "PNG", optimize=True, transparency=transparent)
    else:
        image.save(small, "PNG", optimize=True)
    after = small.getvalue()
    return b64encode(after if len(after) < 0.9 * len(before) else before).decode()


def few_colours(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """At most 256 colours (n, 4) and each pixel's index, or None.

    Colours are merged in boxes of 1, 2, 4 or 8 levels a channel, and the commonest
    colour of a box stands for it: flat areas keep theirs exactly, and no channel
    moves by more than 7 of 255.
    """
    flat = pixels.reshape(-1, 4)
    colours, index, count = np.unique(
        flat, axis=0, return_inverse=True, return_counts=True
    )
    for shift in range(4):
        boxes, box_of = np.unique(colours >> shift, axis=0, return_inverse=True)
        if len(boxes) <= 256:
            by_count = np.argsort(count, kind="stable")  # the commonest written last
            chosen_colours = np.zeros((len(boxes), 4), np.uint8)
            chosen_colours[box_of.ravel()[by_count]] = colours[by_count]
            index = box_of.ravel()[index.ravel()].astype(np.uint8)
            return chosen_colours, index.reshape(pixels.shape[:2])
    return None
