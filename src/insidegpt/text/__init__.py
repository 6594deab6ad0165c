"""Text in and out: tokenizers, vocabularies, chat templates, corpora."""
