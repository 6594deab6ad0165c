"""From a base model to an assistant: by examples, by preferences, by rewards."""
