"""A model behind OpenAI's protocol: what may be asked, who is next, how to answer."""
