"""An assistant for the customers of a shop: choose a tool, look, answer, cite.

A small model is a poor writer and a fair judge, so it judges twice, and what customers
read are the shop's own words. It chooses the tool by how much likelier a call becomes
through the question (Zhao et al. 2021, contextual calibration, here on whole calls),
and the passage by how likely the question is after it, with the embeddings' vote. What
it may do is fixed before it reads any data. Page: applications/customer-service.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from insidegpt.apply.retrieval import Found, Passage
from insidegpt.apply.tools import Call, Tool
from insidegpt.model.interface import Model
from insidegpt.text.chat import Message, encode_chat
from insidegpt.text.interface import Tokenizer

NOTHING_ASKED = "Hello"  # what calls are judged by without a question
COSINE_NATS = 64.0  # of a cosine's difference: how much the embeddings' vote counts


class Reply(NamedTuple):
    """What the customer reads, and how it came about."""

    text: str
    call: Call
    cited: str | None = None  # a passage's id, or the record that was looked up
    found: tuple[Found, ...] = ()
    asked_first: bool = False  # an action that waits for a yes
