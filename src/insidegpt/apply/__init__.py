"""Applications of a chat model: each a small system around it."""
