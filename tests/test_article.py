"""The page about the article: all of it is quoted, and each claim has its evidence.

The quotations are in book/faq/claims.yml, which the page reads to count verdicts; the
page repeats them, and adds the reasons.
"""

import hashlib
import re

import book_checks as book
import pytest
import yaml
from support import ROOT

VERDICTS = {"right", "partly right", "wrong", "outdated", "opinion", "no claim"}
# Characters and SHA-256 of each section of the article, without white space and marks
# of Markdown: what the quotations of a section have to add up to.
ARTICLE = {
    1: (206, "e15ef20e83af0a91"),
    2: (265, "0563faecee0e0687"),
    3: (152, "38453aba1a97185e"),
    4: (204, "4078c17f710673e8"),
    5: (563, "c8374e3cbbe8640c"),
    6: (142, "cb4cbac5b467a7fa"),
    7: (194, "73e9d61ab862ab21"),
    8: (141, "ab0b9eb23bbdb790"),
    9: (235, "7071aba5bf5d923c"),
}
BLOCK = re.compile(
    r"^:::\{div\} claim (?P<kind>[a-z-]+)\n:name: c(?P<id>\d-\d)\n\n(?P<body>.*?)^:::$",
    re.M | re.S,
)
LINK = re.compile(r"\]\((?:\.\./\w+/[\w-]+\.ipynb#[\w-]+|#c\d-\d)\)|\{(?:cite|doc)\}`")


def bare(text: str) -> str:
    """A quotation without white space and without marks of Markdown and formulas."""
    return re.sub(r"[\s*`#]|\$\$", "", text)


def quoted(section: dict) -> str:
    """Everything that is quoted of a section, its heading first."""
    texts = [section["zh"]]
    for claim in section["claims"]:
        texts += [claim["zh"], claim.get("code", "")]
    return "".join(map(bare, texts))


def blocks(prose: str) -> dict[str, dict[str, str]]:
    """The claims on the page: quotation, translation, verdict, reason."""
    found = {}
    for match in BLOCK.finditer(prose):
        body = match["body"]
        quotation, _, rest = body.partition("{.claim-en}\n")
        translation, _, reason = rest.partition("\n\n")
        verdict = re.match(r"\[([A-Z][a-z ]+)\.\]\{\.verdict\} ", reason)
        found[match["id"].replace("-", ".")] = {
            "kind": match["kind"],
            "quotation": quotation,
            "translation": re.sub(r"^\[[\d.]+\]\{\.claim-id\} ", "", translation),
            "verdict": verdict[1].lower() if verdict else "",
            "reason": reason[verdict.end() :] if verdict else "",
        }
    return found


def faults(claim: dict, block: dict[str, str] | None) -> list[str]:
    """What a claim lacks, in the list or on the page."""
    if block is None:
        return ["it isn't on the page"]
    quotation = re.sub(r"\]\{\.language-zh\}|```python|^\[", "", block["quotation"])
    found = []
    if bare(quotation) != bare(claim["zh"]) + bare(claim.get("code", "")):
        found.append("the page quotes something else")
    if block["translation"] != claim["en"] or not claim["en"].strip():
        found.append("the page translates it in other words, or not at all")
    if claim["verdict"] not in VERDICTS or block["verdict"] != claim["verdict"]:
        found.append("its verdicts differ, or are none of the words for it")
    if block["kind"] != claim["verdict"].replace(" ", "-"):
        found.append("it is drawn with the line of another verdict")
    if len(block["reason"].split()) < 5:
        found.append("it has no reason")
    if claim["verdict"] != "no claim" and not LINK.search(block["reason"]):
        found.append("it has no evidence: no link to a section, no source")
    return found


FOLDER = ROOT / "book" / "faq"
SECTIONS = yaml.safe_load((FOLDER / "claims.yml").read_text("utf-8"))
CLAIMS = [claim for section in SECTIONS for claim in section["claims"]]
PAGE = book.Page(
    "faq/the-article-checked", (FOLDER / "the-article-checked.ipynb").read_text("utf-8")
)
BLOCKS = blocks(PAGE.prose)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section["en"])
def test_every_sentence_of_the_article_is_quoted(section):
    text = quoted(section)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    assert (len(text), digest) == ARTICLE[section["section"]]
    assert f"[{section['zh']}]{{.language-zh}}" in PAGE.prose


def test_all_sections_are_there_and_claims_are_numbered_in_order():
    assert [section["section"] for section in SECTIONS] == list(ARTICLE)
    numbers = [
        f"{section['section']}.{n}"
        for section in SECTIONS
        for n, _ in enumerate(section["claims"], 1)
    ]
    assert [claim["id"] for claim in CLAIMS] == numbers == list(BLOCKS)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim["id"])
def test_every_claim_has_one_verdict_a_translation_and_evidence(claim):
    assert faults(claim, BLOCKS.get(claim["id"])) == []


def test_more_than_a_dozen_claims_are_wrong_or_partly_so():
    doubtful = [c for c in CLAIMS if c["verdict"] in ("wrong", "partly right")]
    assert len(doubtful) > 12


def test_the_counts_in_the_prose_are_those_of_the_claims():
    glued = {
        output.metadata["scrapbook"]["name"]: str(list(output.data.values())[0])
        for _, output in book.outputs_of(PAGE)
        if "scrapbook" in output.get("metadata", {})
    }
    for verdict in VERDICTS:
        count = sum(claim["verdict"] == verdict for claim in CLAIMS)
        assert glued[verdict.replace(" ", "-")] == str(count)


def test_every_page_that_argues_with_the_article_is_named():
    said = re.compile(r"\bin the article\b|\bthe article that this")
    for page in book.all_pages():
        if page.has_head and page.name != PAGE.name and said.search(page.prose.lower()):
            assert f"{{doc}}`../{page.name}`" in PAGE.prose, page.name


# The checks themselves ---------------------------------------------------------------


SOUND = """:::{div} claim wrong
:name: c1-1

[天。]{.language-zh}

{.claim-en}
[1.1] The sky.

[Wrong.]{.verdict} It has been measured {cite}`a`, and it is not so.
:::
""".replace("[1.1]", "[1.1]{.claim-id}")
CLAIM = {"id": "1.1", "verdict": "wrong", "zh": "天。", "en": "The sky."}


def test_a_sound_claim_passes():
    assert faults(CLAIM, blocks(SOUND)["1.1"]) == []


@pytest.mark.parametrize(
    "old, new",
    [
        ("天。", "地。"),
        ("The sky.", "The earth."),
        ("[Wrong.]", "[Right.]"),
        ("[Wrong.]{.verdict}", "Wrong."),
        ("claim wrong", "claim right"),
        ("{cite}`a`", "carefully"),
        ("It has been measured {cite}`a`, and it is not so.", "{cite}`a`"),
    ],
)
def test_what_a_claim_lacks_is_found(old, new):
    assert faults(CLAIM, blocks(SOUND.replace(old, new))["1.1"]) != []


def test_a_claim_that_is_not_on_the_page_is_found():
    assert faults(CLAIM, blocks(SOUND).get("1.2")) == ["it isn't on the page"]


def test_a_sentence_left_out_or_changed_is_found():
    section = {"section": 1, "zh": "背景", "claims": [CLAIM, dict(CLAIM, zh="地。")]}
    whole = quoted(section)
    assert whole == "背景天。地。"
    for claims in ([CLAIM], [CLAIM, dict(CLAIM, zh="天。")]):
        assert quoted(dict(section, claims=claims)) != whole
