"""A crawl holds the documents, and things that a filter should find."""

from insidegpt.text.cleaning import is_prose, similarity
from insidegpt.text.world.crawl import write_crawl
from insidegpt.text.world.documents import write_documents
from insidegpt.text.world.facts import build_world


def test_a_third_is_documents_a_third_copies_and_a_third_rubbish():
    documents = write_documents(build_world(1, people=24, products=12, strangers=6))
    crawl = write_crawl(documents, seed=3)
    assert len(crawl) == 3 * len(documents) and set(documents) <= set(crawl)
    assert crawl == write_crawl(documents, seed=3) != write_crawl(documents, seed=4)
    copies = [text for text in crawl if "% off until" in text]
    assert len(copies) == len(documents)
    originals = [max(documents, key=lambda d: similarity(d, c)) for c in copies[:20]]
    pairs = zip(originals, copies, strict=False)
    assert all(similarity(one, copy) > 0.7 for one, copy in pairs)
    rubbish = [t for t in crawl if t not in set(documents) and "% off until" not in t]
    assert len(rubbish) == len(documents)
    assert sum(map(is_prose, rubbish)) == 0
    assert sum(map(is_prose, documents)) > 0.99 * len(documents)
