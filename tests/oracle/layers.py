"""Layers and liveness of a graph given as (source, target, enabled) triples, by recursion."""


def longest_path_layers(connections, num_inputs, num_outputs, num_nodes, output_layer):
    """Bias and inputs 0, outputs `output_layer`, a hidden node one past its highest source, enabled or not."""
    first_output, num_fixed = 1 + num_inputs, 1 + num_inputs + num_outputs
    known = [0] * first_output + [output_layer] * num_outputs + [None] * (num_nodes - num_fixed)

    def layer(node):
        if known[node] is None:
            known[node] = max((layer(source) + 1 for source, target, _ in connections if target == node), default=0)
        return known[node]

    return [layer(node) for node in range(num_nodes)]


def live_nodes(connections, num_inputs, num_outputs):
    """The nodes from which enabled connections lead to an output, outputs included."""
    live = set(range(1 + num_inputs, 1 + num_inputs + num_outputs))
    while True:
        more = {source for source, target, enabled in connections if enabled and target in live} - live
        if not more:
            return live
        live |= more


def open_pairs(connections, layers):
    """The ordered pairs of nodes in strictly rising layers that no connection joins, enabled or not."""
    joined = {(source, target) for source, target, _ in connections}
    nodes = range(len(layers))
    return {(s, t) for s in nodes for t in nodes if layers[s] < layers[t]} - joined
