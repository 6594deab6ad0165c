"""A Sphinx extension: what follows a question is folded until readers have answered it.

The question is a code cell with the tag ``predict``. Folded is all that comes after it
up to ``<!-- end of answer -->``, which must stand in the same section. The fold is a
``<details>``: it opens with a click where no script runs, and predict.js opens it when
a reader commits.
"""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)
END = "<!-- end of answer -->"
OPEN = '<details class="ig-answer"><summary>Show what comes out</summary>\n'


class answer(nodes.General, nodes.Element):
    """What is folded."""


def setup(app: Sphinx) -> dict:
    passed = (lambda self, node: None, lambda self, node: None)
    app.add_node(
        answer,
        html=(
            lambda self, node: self.body.append(OPEN),
            lambda self, node: self.body.append("</details>\n"),
        ),
        latex=passed,
        text=passed,
    )
    app.connect("doctree-read", fold_answers)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def fold_answers(app: Sphinx, doctree: nodes.document) -> None:
    """Wrap the nodes after each question; warn where the end is missing."""
    for question in list(doctree.findall(is_question)):
        place = question.parent.children
        start = end = question.parent.index(question) + 1
        while end < len(place) and not is_end(place[end]):
            end += 1
        if end == len(place):
            logger.warning(f"a question without {END} after it", location=question)
            continue
        folded = answer()
        folded += place[start:end]
        place[start : end + 1] = [folded]
        folded.parent = question.parent


def is_question(node: nodes.Node) -> bool:
    classes = node.get("classes", []) if isinstance(node, nodes.container) else []
    return "tag_predict" in classes


def is_end(node: nodes.Node) -> bool:
    return isinstance(node, nodes.raw | nodes.comment) and END.strip("<!- >") in (
        node.astext()
    )
