"""From logits to text: choose tokens, stop, stream."""
