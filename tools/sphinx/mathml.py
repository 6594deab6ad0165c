"""A Sphinx extension: formulas as MathML, which browsers draw without any script.

``\\class{query}{Q}`` gives a part of a formula a class, as MathJax does in a kernel.
"""

import re

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict:
    app.add_html_math_renderer(
        "mathml",
        inline_renderers=(inline, None),
        block_renderers=(block, None),
    )
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def inline(self, node: nodes.math) -> None:
    self.body.append(mathml(node, "inline"))
    raise nodes.SkipNode


def block(self, node: nodes.math_block) -> None:
    self.body.append(f'<div class="math">{mathml(node, "block")}</div>\n')
    raise nodes.SkipNode


def mathml(node: nodes.Element, display: str) -> str:
    """One formula; a command that the converter does not know is a warning."""
    latex = re.sub(r"\\class\{(\w+)\}", r"\\textcolor{\1}", node.astext().strip())
    try:
        text = convert(latex, display=display)
    except Exception as error:  # the converter has a class for each slip
        logger.warning(f"{latex!r} is no formula: {error!r}", location=node)
        return ""
    if unknown := re.search(r"\\[A-Za-z]+", text):
        logger.warning(f"{unknown[0]} in {latex!r} is not known", location=node)
    # A bar is a bracket here, never an operator with space on both sides.
    text = re.sub(
        r"<mo([^>]*)>(&#x0007C;|&#x02016;)", r'<mo lspace="0" rspace="0"\1>\2', text
    )
    text = re.sub(r'mathcolor="(query|key|value)"', r'class="\1"', text)
    return text.replace('"negativethinmathspace"', '"-0.167em"')
