"""Where bytes come from: wheels, directories, the hub; and one file format, GGUF."""
