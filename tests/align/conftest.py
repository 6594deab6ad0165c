"""A model to be aligned and the one that it began as, tiny."""

import pytest
from small_align import tiny


@pytest.fixture
def model():
    return tiny()


@pytest.fixture
def reference():
    return tiny(1).requires_grad_(False)
