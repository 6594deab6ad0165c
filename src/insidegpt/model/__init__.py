"""One decoder-only transformer, from its configuration to loaded weights."""
