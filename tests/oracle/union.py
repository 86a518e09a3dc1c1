"""Structural crossover in plain Python: genes as dictionaries, by mark and by marked ends."""


def genes(activations, marks, depths, connections):
    """A genome as two dictionaries: mark -> (activation, depth), (source mark, target mark) -> enabled."""
    nodes = {mark: (activation, depth) for mark, activation, depth in zip(marks, activations, depths, strict=True)}
    links = {(marks[source], marks[target]): enabled for source, target, enabled in connections}
    return nodes, links


def union(better, other):
    """What each gene of the child may be: the values that the parents who have it give it."""
    return tuple(
        {
            gene: {parent[kind][gene] for parent in (better, other) if gene in parent[kind]}
            for gene in {**better[kind], **other[kind]}
        }
        for kind in (0, 1)
    )
