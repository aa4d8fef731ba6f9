"""A Kneser-Ney model with dictionaries, straight from the formulas of Chen and Goodman (1999)."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

VOCABULARY = 9
END = 3  # every text begins with it, be it written as 2


def draw_tokens(count, seed=0, vocabulary=VOCABULARY, end_share=0.0):
    """A first token 2, then tokens of which each leans on the two before it."""
    random = np.random.default_rng(seed)
    tokens = [2, 4]
    while len(tokens) < count:
        leaning = (3 * tokens[-1] + tokens[-2]) % (vocabulary - 4) + 4
        new = int(leaning if random.random() < 0.6 else random.integers(4, vocabulary))
        tokens.append(END if random.random() < end_share else new)
    return tokens[:count]


class SlowKneserNey:
    """Interpolated modified Kneser-Ney by recursion (section 3 of the paper)."""

    def __init__(self, tokens, vocabulary, order):
        self.vocabulary, self.order = vocabulary, order
        tokens = read(tokens)
        raw = {n: Counter() for n in range(1, order + 1)}
        for last in range(1, len(tokens)):  # the first token is a context alone
            for n in range(1, min(order, last + 1) + 1):
                raw[n][tuple(tokens[last - n + 1 : last + 1])] += 1
        self.counts = {order: raw[order]}
        for n in range(1, order):
            before = defaultdict(set)
            for first, *rest in raw[n + 1]:
                before[tuple(rest)].add(first)
            self.counts[n] = {ngram: len(before[ngram]) for ngram in before}
        self.discounts = {n: self.discounts_of(self.counts[n]) for n in self.counts}

    @staticmethod
    def discounts_of(counts):
        n = [sum(1 for count in counts.values() if count == k) for k in range(5)]
        if not (n[1] and n[2] and n[3]):
            return [0, 0.5, 1.0, 1.5]
        y = n[1] / (n[1] + 2 * n[2])
        found = [0] + [k - (k + 1) * y * n[k + 1] / n[k] for k in (1, 2, 3)]
        fallback = [0, 0.5, 1.0, 1.5]  # of a count that the formula would leave whole
        return [min(v, k) if v > 0 else fallback[k] for k, v in enumerate(found)]

    def probability(self, token, context):
        context = tuple(read(context))[max(0, len(context) - self.order + 1) :]
        n = len(context) + 1
        shorter = self.probability(token, context[1:]) if n > 1 else 1 / self.vocabulary
        following = {g[-1]: c for g, c in self.counts[n].items() if g[:-1] == context}
        total = sum(following.values())
        if not total:
            return shorter
        discounts = self.discounts[n]
        left = sum(discounts[min(c, 3)] for c in following.values()) / total
        count = following.get(token, 0)
        return max(count - discounts[min(count, 3)], 0) / total + left * shorter

    def distribution(self, context):
        return [self.probability(token, context) for token in range(self.vocabulary)]


def read(tokens):
    return [END if token == 2 else int(token) for token in tokens]
