"""Gradients of whatever numpy computes: PyTorch's autograd at its smallest.

Reverse-mode differentiation (Linnainmaa 1970) of arrays. As in PyTorch (Paszke et al.
2019), the graph is written down while one computes, and the way back goes from the
newest array to the oldest. Deviations: no operation changes an array in place, and the
graph stays, so that it can be walked again. Page: tools/pytorch.
"""

import itertools

import numpy as np
from numpy import floating, ndarray

Array = ndarray | floating  # numpy makes the latter of sums


def constant(value) -> "Var":
    """What needs no gradient; a Var is left as it is."""
    return value if isinstance(value, Var) else Var(value, wanted=False)


def fit(d: Array, shape: tuple[int, ...]) -> Array:
    """Add a gradient up where its array was repeated: what broadcasting did, undone."""
    d = d.sum(tuple(range(d.ndim - len(shape))))  # axes that were put in front
    repeated = [n for n, size in enumerate(shape) if size == 1]
    return d.sum(tuple(repeated), keepdims=True)


class Var:
    """An array that remembers what it was made of, and the way back to that.

    parts: those Vars; none for a leaf. back: from the gradient for this array to the
    gradients for its parts. wanted: whether anybody asks for its own.
    """

    __array_ufunc__ = None  # numpy leaves "ndarray + Var" to Var
    count = itertools.count()

    def __init__(self, value, parts=(), back=None, *, wanted=True):
        self.value, self.grad = np.asarray(value, float), None
        self.parts, self.back = parts, back
        self.wanted = any(part.wanted for part in parts) if parts else wanted
        self.number = next(Var.count)  # its parts are older, and have smaller ones

    def __add__(self, other):
        other = constant(other)
        return Var(self.value + other.value, (self, other), lambda d: (d, d))

    def __mul__(self, other):
        other = constant(other)
        x, y = self.value, other.value
        return Var(x * y, (self, other), lambda d: (d * y, d * x))

    def __matmul__(self, other):
        other = constant(other)
        x, y = self.value, other.value
        xt, yt = x.swapaxes(-1, -2), y.swapaxes(-1, -2)
        return Var(x @ y, (self, other), lambda d: (d @ yt, xt @ d))

    def __pow__(self, power):
        x = self.value
        return Var(x**power, (self,), lambda d: (d * power * x ** (power - 1),))

    def __getitem__(self, place):
        def back(d):
            whole = np.zeros_like(self.value)
            np.add.at(whole, place, d)  # a row that was taken twice gets both
            return (whole,)

        return Var(self.value[place], (self,), back)

    def exp(self):
        y = np.exp(self.value)
        return Var(y, (self,), lambda d: (d * y,))

    def log(self):
        return Var(np.log(self.value), (self,), lambda d: (d / self.value,))

    def sum(self, axis=None):
        """Over one axis, which stays with length 1, or over all."""
        x = self.value
        total = x.sum(axis, keepdims=axis is not None)
        return Var(total, (self,), lambda d: (np.broadcast_to(d, x.shape),))

    def reshape(self, *shape):
        x = self.value
        return Var(x.reshape(shape), (self,), lambda d: (d.reshape(x.shape),))

    def swapaxes(self, a, b):
        x = self.value
        return Var(x.swapaxes(a, b), (self,), lambda d: (d.swapaxes(a, b),))

    def __sub__(self, other):
        return self + constant(other) * -1.0

    def __truediv__(self, other):
        return self * constant(other) ** -1.0

    __radd__, __rmul__ = __add__, __mul__

    def backward(self) -> None:
        """Add to ``grad`` of each wanted leaf the gradient of this single number.

        Raises ValueError where it is no single number, or nothing in it is wanted.
        """
        if self.value.size != 1 or not self.wanted:
            raise ValueError("Only a number that depends on a leaf has a way back.")
        found, waiting = {}, [self]
        while waiting:
            var = waiting.pop()
            if var.wanted and var.number not in found:
                found[var.number] = var
                waiting += var.parts
        arrived = {self.number: np.ones_like(self.value)}
        for number in sorted(found, reverse=True):  # all that used it came before
            var, d = found[number], arrived.pop(number)
            if not var.parts:
                var.grad = d if var.grad is None else var.grad + d
                continue
            for part, more in zip(var.parts, var.back(d), strict=True):
                before = arrived.get(part.number, 0.0)  # where it was used twice
                arrived[part.number] = before + fit(more, part.value.shape)
