"""A Sphinx extension: the tokenizers' merges as scripts, for what readers type.

A page asks for ``_static/vocabulary-NAME.js`` when somebody first types into its view
of tokens, and not before: 0.3 MB each, made from the vocabularies at every build.
"""

import json
from pathlib import Path

from sphinx.application import Sphinx

NAMES = ("gpt2", "smollm2")


def setup(app: Sphinx) -> dict:
    app.connect("build-finished", write_vocabularies)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def write_vocabularies(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html":
        return
    import insidegpt
    from insidegpt.show.widgets.tokens import packed

    for name in NAMES:
        data = json.dumps(packed(insidegpt.load_tokenizer(name)))
        script = f'insideGPT.vocabularies["{name}"] = {data};\n'
        path = Path(app.outdir) / "_static" / f"vocabulary-{name}.js"
        path.write_text(script, "utf-8")
