"""The roofline view begins with what was measured."""

from viewed import WORDS, stored

from insidegpt.show import widgets


def test_measured_numbers_are_kept_and_the_fallback_is_their_quotient():
    measured = {"parameters": 135e6, "bits": 32, "memory_gb_s": 27.0}
    view = widgets.roofline_view(
        arithmetic_gflop_s=150.0, title="T", **measured, **WORDS
    )
    assert stored(view) == {
        "parameters": 135e6,
        "bits": 32,
        "memory": 27.0,
        "arithmetic": 150.0,
    }
    # 135e6 numbers of 4 bytes are 540 MB; 27 GB/s reads them in 20 ms.
    assert "20.0 ms: 50 tokens/s" in view.markup
