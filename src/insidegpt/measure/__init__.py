"""What a model knows and how well it predicts, in figures that can be compared."""
