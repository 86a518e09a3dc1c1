"""Pruning by first-order saliency, one connection at a time, in plain Python."""


def prune_slowly(weights, gradients, least):
    """Yields the mask after each step, given weights and gradients [steps, C] as if nothing had been pruned."""
    num_steps, count = len(weights), len(weights[0])
    saliency, alive = [0.0] * count, set(range(count))
    for step in range(num_steps):
        for connection in range(count):
            effect = float(weights[step][connection]) * float(gradients[step][connection])
            effect = effect if connection in alive else 0.0
            saliency[connection] = 0.99 * saliency[connection] + 0.01 * effect**2
        done = min(max((step + 1 - 0.1 * num_steps) / (0.6 * num_steps), 0.0), 1.0)
        allowed = round(least + (count - least) * (1 - done) ** 3)
        while len(alive) > allowed:
            alive.remove(min(alive, key=lambda connection: saliency[connection]))
        yield [1.0 if connection in alive else 0.0 for connection in range(count)]
