// The network on a canvas, lit by its values: what flows through a connection is its colour and strength.

const COLOURS = { linear: "#8a9097", step: "#e8710a", sin: "#1a73e8", cos: "#12a4bc", gaussian: "#9334e6",
  tanh: "#188038", sigmoid: "#6aa52f", inverse: "#c5362c", abs: "#d99a00", relu: "#c2185b" };
const POSITIVE = [31, 95, 168], NEGATIVE = [200, 83, 43];

class Drawing {
  constructor(canvas, labels) {
    this.canvas = canvas;
    this.labels = labels;
    this.hover = -1;
    this.cone = null;
    canvas.addEventListener("mousemove", event => this.point(event));
    canvas.addEventListener("mouseleave", () => { this.hover = -1; this.cone = null; this.changed(); });
    this.changed = () => {};
  }

  show(network) {
    this.network = network;
    this.isLarge = network.count > 150;
    this.hover = -1;
    this.cone = null;
    const canvas = this.canvas, ratio = window.devicePixelRatio || 1;
    this.width = canvas.clientWidth || 1100;
    this.height = Math.round(this.width / Math.min(Math.max(network.aspect, 1.3), 3)) + 40;
    canvas.width = this.width * ratio;
    canvas.height = this.height * ratio;
    canvas.style.height = this.height + "px";
    this.pen = canvas.getContext("2d");
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const names = [...this.labels.inputs, "1"], widest = list => Math.max(...list.map(name => name.length), 1) * 7.5 + 22;
    const left = this.labels.image ? 24 : widest(names), right = widest(this.labels.outputs);
    this.x = network.x.map(x => (x === null ? null : left + x * (this.width - left - right)));
    this.y = network.y.map(y => (y === null ? null : 26 + y * (this.height - 64)));
    const place = ([x, y]) => [left + x * (this.width - left - right), 26 + y * (this.height - 64)];
    this.paths = network.edges.map(([source, target]) => {
      const way = (network.bends[`${source},${target}`] || []).map(place);
      return this.curve([[this.x[source], this.y[source]], ...way, [this.x[target], this.y[target]]]);
    });
    this.cell = network.pixel && [network.pixel[0] * (this.width - left - right), network.pixel[1] * (this.height - 64)];
    this.outputIndex = new Map(network.outputs.map((number, index) => [number, index]));
  }

  // A smooth way through points: level at both ends, along its neighbours' direction between them.
  curve(points) {
    const path = new Path2D(), last = points.length - 1;
    const slope = i => (i === 0 || i === last ? 0 : (points[i + 1][1] - points[i - 1][1]) / (points[i + 1][0] - points[i - 1][0] || 1));
    path.moveTo(...points[0]);
    for (let i = 0; i < last; i++) {
      const [x0, y0] = points[i], [x1, y1] = points[i + 1], reach = 0.45 * (x1 - x0);
      path.bezierCurveTo(x0 + reach, y0 + reach * slope(i), x1 - reach, y1 - reach * slope(i + 1), x1, y1);
    }
    return path;
  }

  draw(weight) {
    const { pen, network } = this, values = network.values;
    pen.clearRect(0, 0, this.width, this.height);
    pen.lineCap = "round";
    network.edges.forEach(([source, target, connection], index) => {
      const flow = (weight === null ? network.weights[connection] : weight) * values[source];
      const strength = Math.min(1, Math.abs(flow)), colour = flow >= 0 ? POSITIVE : NEGATIVE;
      const isOn = !this.cone || (this.cone.has(source) && this.cone.has(target));
      const alpha = !isOn ? 0.02 : this.isLarge && !this.cone ? 0.04 + 0.4 * strength : 0.12 + 0.75 * strength;
      pen.strokeStyle = `rgba(${colour},${alpha})`;
      pen.lineWidth = this.isLarge ? (this.cone ? 1 : 0.6) : 0.8 + 2 * strength;
      pen.stroke(this.paths[index]);
    });
    for (let number = 0; number < network.count; number++) if (this.x[number] !== null) this.node(number, values[number]);
    if (this.hover >= 0) this.tell(values[this.hover]);
  }

  node(number, value) {
    const { pen, network } = this, x = this.x[number], y = this.y[number];
    const isComputed = number >= network.first, output = this.outputIndex.get(number);
    const strength = Math.min(1, Math.abs(value));
    pen.globalAlpha = this.cone && !this.cone.has(number) ? 0.12 : 1;
    if (!isComputed && number > 0 && this.cell) {
      const shade = 235 - Math.round(215 * Math.min(1, Math.max(0, value)));
      pen.fillStyle = `rgb(${shade},${shade},${shade})`;
      const [width, height] = this.cell;
      pen.fillRect(x - 0.45 * width, y - 0.45 * height, 0.9 * width, 0.9 * height);
    } else {
      const radius = this.isLarge ? (output === undefined ? 3 : 6) : 11;
      const colour = isComputed ? COLOURS[network.nodes[number - network.first][0]] : "#5f6368";
      pen.beginPath();
      pen.arc(x, y, radius, 0, 7);
      pen.fillStyle = "#fff";
      pen.fill();
      pen.fillStyle = colour;
      pen.globalAlpha *= 0.1 + 0.75 * strength;
      pen.fill();
      pen.globalAlpha = this.cone && !this.cone.has(number) ? 0.12 : 1;
      pen.lineWidth = this.isLarge ? 0.8 : 1.8;
      pen.strokeStyle = colour;
      pen.stroke();
      if (isComputed && !this.isLarge) this.icon(network.nodes[number - network.first][0], x, y, strength > 0.6);
    }
    this.name(number, x, y, output);
    pen.globalAlpha = 1;
  }

  // The activation's curve from -2 to 2 within its node.
  icon(activation, x, y, isDark) {
    const { pen } = this, size = 6.5;
    pen.beginPath();
    for (let k = -16; k <= 16; k++) {
      const at = k / 8, value = Math.max(-1, Math.min(1, ACTIVATIONS[activation](at)));
      pen[k === -16 ? "moveTo" : "lineTo"](x + at / 2 * size, y - value * size * 0.75);
    }
    pen.lineWidth = 1.4;
    pen.strokeStyle = isDark ? "#fff" : "#333";
    pen.stroke();
  }

  name(number, x, y, output) {
    const { pen, network } = this;
    const isOutput = output !== undefined, isInput = number < network.first;
    if (!isOutput && !(isInput && (!this.labels.image || number === 0))) return;
    pen.font = "13px system-ui, sans-serif";
    pen.fillStyle = "#202124";
    pen.textBaseline = "middle";
    pen.textAlign = isOutput ? "left" : "right";
    const away = this.isLarge ? 10 : 16;
    pen.fillText(isOutput ? this.labels.outputs[output] : number ? this.labels.inputs[number - 1] : "1", x + (isOutput ? away : -away), y);
  }

  tell(value) {
    const { pen, network, hover } = this;
    const isComputed = hover >= network.first, output = this.outputIndex.get(hover);
    const what = hover === 0 ? "bias" : !isComputed ? `input ${this.labels.inputs[hover - 1]}`
      : output !== undefined ? `output ${this.labels.outputs[output]}` : `node ${hover}`;
    const how = isComputed ? `, ${network.nodes[hover - network.first][0]} of ${network.nodes[hover - network.first][1].length} connections` : "";
    pen.font = "13px system-ui, sans-serif";
    pen.textAlign = "left";
    pen.textBaseline = "alphabetic";
    pen.fillStyle = "#202124";
    pen.fillText(`${what}${how}: ${value.toFixed(3)}; depends on ${this.cone.size - 1} nodes`, 12, this.height - 10);
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = (event.clientX - box.left) * this.width / box.width, y = (event.clientY - box.top) * this.height / box.height;
    let best = -1, nearest = 15 ** 2;
    this.x.forEach((at, number) => {
      const distance = at === null ? Infinity : (at - x) ** 2 + (this.y[number] - y) ** 2;
      if (distance < nearest) { nearest = distance; best = number; }
    });
    if (best === this.hover) return;
    this.hover = best;
    this.cone = best < 0 ? null : this.network.ancestors(best);
    this.changed();
  }
}

// What worlds draw with: metres, y upwards, the middle at the origin.
class Pen {
  constructor(canvas) {
    this.canvas = canvas;
    const ratio = window.devicePixelRatio || 1;
    this.width = canvas.clientWidth || 520;
    this.height = Math.round(this.width * 0.5);
    canvas.width = this.width * ratio;
    canvas.height = this.height * ratio;
    canvas.style.height = this.height + "px";
    this.context = canvas.getContext("2d");
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
  }
  clear() { this.context.clearRect(0, 0, this.width, this.height); }
  scale(pixels, left = 0) { this.unit = pixels; this.left = left; }
  at(x, y) { return [this.width / 2 + (x + this.left) * this.unit, this.height / 2 - y * this.unit]; }
  line([x0, y0, x1, y1], width, colour) {
    const c = this.context;
    c.beginPath();
    c.moveTo(...this.at(x0, y0));
    c.lineTo(...this.at(x1, y1));
    c.lineWidth = width;
    c.lineCap = "round";
    c.strokeStyle = colour;
    c.stroke();
  }
  disc(x, y, radius, colour) {
    const c = this.context;
    c.beginPath();
    c.arc(...this.at(x, y), radius, 0, 7);
    c.fillStyle = colour;
    c.fill();
  }
  box(x, y, width, height, colour) {
    const [left, top] = this.at(x - width / 2, y + height / 2);
    this.context.fillStyle = colour;
    this.context.fillRect(left, top, width * this.unit, height * this.unit);
  }
  text(words) {
    this.context.fillStyle = "#555";
    this.context.font = "13px system-ui, sans-serif";
    this.context.fillText(words, 10, this.height - 10);
  }
}
