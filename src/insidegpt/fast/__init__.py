"""The same model for speed: packed weights, PyTorch's kernels, our own in C++."""
