"""A GPT in one file: its engine of gradients, the model, the optimizer, the loop.

Plain Python without any import but two of its own library; slow, and the same numbers
as the rest of the package. The engine's idea is that of reverse-mode automatic
differentiation (Linnainmaa 1970). Page: math/loss-and-gradients.
"""

import math
import random


class Num:
    """A number that remembers what it was made of, and how it depends on that."""

    __slots__ = ("value", "grad", "parts", "slopes")

    def __init__(self, value, parts=(), slopes=()):
        self.value, self.grad = value, 0.0
        self.parts, self.slopes = parts, slopes

    def __add__(self, other):
        return Num(self.value + other.value, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        product = self.value * other.value
        return Num(product, (self, other), (other.value, self.value))

    def __pow__(self, power):  # of a number that is no Num
        value = self.value**power
        return Num(value, (self,), (power * self.value ** (power - 1),))

    def exp(self):
        value = math.exp(self.value)
        return Num(value, (self,), (value,))

    def log(self):
        return Num(math.log(self.value), (self,), (1 / self.value,))

    def times(self, factor, plus=0.0):  # factor * self + plus, both no Nums
        return Num(factor * self.value + plus, (self,), (factor,))


def dot(a, b):
    """One Num for a whole sum of products, which is most of what a GPT computes."""
    left, right = [x.value for x in a], [x.value for x in b]
    total = sum(x * y for x, y in zip(left, right, strict=True))
    return Num(total, (*a, *b), (*right, *left))


def backward(loss):
    """Fill ``grad`` of everything that the loss was made of."""
    order, seen, waiting = [], set(), [(loss, False)]
    while waiting:  # each Num comes after all of its parts
        num, ready = waiting.pop()
        if ready:
            order.append(num)
        elif id(num) not in seen:
            seen.add(id(num))
            waiting.append((num, True))
            waiting += [(part, False) for part in num.parts]
    loss.grad = 1.0
    for num in reversed(order):  # and here all that used it are done before it
        for part, slope in zip(num.parts, num.slopes, strict=True):
            part.grad += slope * num.grad


def linear(rows, x):
    return [dot(row, x) for row in rows]


def rms_norm(scale, x, eps=1e-5):
    size = dot(x, x).times(1 / len(x), plus=eps) ** -0.5
    return [xi * size * si for xi, si in zip(x, scale, strict=True)]


def softmax(scores):
    top = max(s.value for s in scores)
    powers = [s.times(1.0, plus=-top).exp() for s in scores]
    whole = powers[0]
    for power in powers[1:]:
        whole = whole + power
    return [power * whole**-1 for power in powers]


def rotate(x, position, base=1e4):
    half = len(x) // 2
    turned = [None] * len(x)
    for i in range(half):
        angle = position * base ** (-i / half)
        cos, sin = math.cos(angle), math.sin(angle)
        a, b = x[i], x[i + half]
        turned[i] = a.times(cos) + b.times(-sin)
        turned[i + half] = b.times(cos) + a.times(sin)
    return turned


def attend(block, x, position, past, heads):
    width, mixed = len(x) // heads, []
    q, k, v = (linear(block[name], x) for name in ("query", "key", "value"))
    for h in range(heads):
        part = slice(h * width, (h + 1) * width)
        keys, values = past[h]
        keys.append(rotate(k[part], position))
        values.append(v[part])
        asked = rotate(q[part], position)
        shares = softmax([dot(asked, key).times(width**-0.5) for key in keys])
        mixed += [dot(shares, column) for column in zip(*values, strict=True)]
    return linear(block["out"], mixed)


def bend(x):
    return x * (x.times(-1.0).exp().times(1.0, plus=1.0)) ** -1  # x sigma(x)


def mlp(block, x):
    gate, up = linear(block["gate"], x), linear(block["up"], x)
    return linear(block["down"], [bend(g) * u for g, u in zip(gate, up, strict=True)])


def logits(weights, ids, heads):
    """Scores of the next token at each position, one position after the other."""
    pasts = [[([], []) for _ in range(heads)] for _ in weights["blocks"]]
    found = []
    for position, token in enumerate(ids):
        x = weights["embed"][token]
        for block, past in zip(weights["blocks"], pasts, strict=True):
            more = attend(block, rms_norm(block["norm1"], x), position, past, heads)
            x = [a + b for a, b in zip(x, more, strict=True)]
            more = mlp(block, rms_norm(block["norm2"], x))
            x = [a + b for a, b in zip(x, more, strict=True)]
        found.append(linear(weights["embed"], rms_norm(weights["norm"], x)))
    return found


def surprise(weights, ids, heads):
    """Mean surprise, in nats, at each token of a text after its first."""
    total = Num(0.0)
    for scores, target in zip(logits(weights, ids[:-1], heads), ids[1:], strict=True):
        total = total + softmax(scores)[target].log()
    return total.times(-1 / (len(ids) - 1))


def numbers(part):
    """Every Num in nested lists and dictionaries, in their order."""
    if isinstance(part, Num):
        return [part]
    inside = part.values() if isinstance(part, dict) else part
    return [num for thing in inside for num in numbers(thing)]


def adam_step(nums, means, squares, step, rate, betas=(0.9, 0.95), eps=1e-8):
    """Move every number against its gradient, and forget the gradient."""
    for i, num in enumerate(nums):
        means[i] += (1 - betas[0]) * (num.grad - means[i])
        squares[i] += (1 - betas[1]) * (num.grad**2 - squares[i])
        mean = means[i] / (1 - betas[0] ** step)
        size = math.sqrt(squares[i] / (1 - betas[1] ** step))
        num.value -= rate * mean / (size + eps)
        num.grad = 0.0


def train(weights, texts, heads, steps, rate):
    """A text a step, in turn; yields the loss of each before it is learned from."""
    nums = numbers(weights)
    means, squares = [0.0] * len(nums), [0.0] * len(nums)
    for step in range(steps):
        loss = surprise(weights, texts[step % len(texts)], heads)
        backward(loss)
        adam_step(nums, means, squares, step + 1, rate)
        yield loss.value


def invent(weights, heads, end, longest, seed):
    """A text of the model's own, from one end token to the next."""
    draw, ids = random.Random(seed), [end]
    while len(ids) <= longest:
        shares = [share.value for share in softmax(logits(weights, ids, heads)[-1])]
        (token,) = draw.choices(range(len(shares)), shares)
        if token == end:
            break
        ids.append(token)
    return ids[1:]
