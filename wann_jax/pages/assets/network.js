// A network as the page has it: evaluated as wann_jax.forward does, in 64 bits.
// Numbers of nodes: 0 is the bias, then the inputs, then computed nodes in topological order.

const sinPi = x => Math.sin(Math.PI * (x - 2 * Math.round(x / 2)));
const ACTIVATIONS = {
  linear: x => x,
  step: x => (x > 0 ? 1 : 0),
  sin: sinPi,
  gaussian: x => Math.exp(-0.5 * x * x),
  tanh: Math.tanh,
  sigmoid: x => 0.5 * Math.tanh(0.5 * x) + 0.5,
  inverse: x => -x,
  abs: Math.abs,
  relu: x => Math.max(x, 0),
  cos: x => sinPi(x + 0.5),
};

class Network {
  // document: {num_inputs, nodes: [[activation, [source...], [connection...]]...], outputs, x, y, weights or null}
  constructor(document) {
    Object.assign(this, document);
    if (this.weights) this.weights = Float32Array.from(this.weights); // nine digits give the 32 bits back
    this.first = 1 + this.num_inputs;
    this.count = this.first + this.nodes.length;
    this.values = new Float64Array(this.count);
    this.edges = []; // [source, target, connection]
    this.nodes.forEach(([, sources, connections], index) =>
      sources.forEach((source, k) => this.edges.push([source, this.first + index, connections[k]])));
    this.functions = this.nodes.map(([activation]) => ACTIVATIONS[activation]);
  }

  // weight: a number, or null for the tuned weights. Values of all nodes stay in `values`; returns the outputs.
  forward(inputs, weight) {
    const values = this.values, tuned = this.weights;
    values[0] = 1;
    for (let i = 0; i < this.num_inputs; i++) values[1 + i] = inputs[i];
    this.nodes.forEach(([, sources, connections], index) => {
      let total = 0;
      for (let k = 0; k < sources.length; k++)
        total += (weight === null ? tuned[connections[k]] : weight) * values[sources[k]];
      values[this.first + index] = this.functions[index](total);
    });
    return this.outputs.map(number => values[number]);
  }

  // All nodes that a node depends on, itself too.
  ancestors(number) {
    const found = new Set([number]), rest = [number];
    while (rest.length) {
      const next = rest.pop();
      if (next >= this.first)
        for (const source of this.nodes[next - this.first][1])
          if (!found.has(source)) { found.add(source); rest.push(source); }
    }
    return found;
  }
}
