// What feeds the network in the page: a small world, a drawn digit, or inputs set by hand.
// A feed: inputs() -> the network's inputs; took(outputs) after each pass; isMoving: whether time passes in it.

class WorldFeed {
  constructor(world, places) {
    Object.assign(this, { world, ...places, isMoving: true });
    this.pen = new Pen(this.canvas);
    this.restart();
  }
  restart() {
    Object.assign(this, { state: this.world.reset(), time: 0, total: 0, action: 0, isOver: false });
  }
  inputs() { return this.world.observe(this.state); }
  took(outputs) {
    if (this.isOver) return;
    this.action = this.world.act(outputs);
    const { state, reward, done } = this.world.step(this.state, this.action);
    Object.assign(this, { state, time: this.time + 1, total: this.total + reward });
    this.isOver = done || this.time >= this.world.limit;
  }
  show() {
    this.pen.clear();
    this.world.draw(this.pen, this.state, this.action);
    this.words.textContent = `step ${this.time}, return ${this.total.toFixed(this.total < 0 ? 1 : 0)}${this.isOver ? ", over" : ""}`;
  }
}

class ImageFeed {
  constructor(size, examples, places) {
    Object.assign(this, { size, examples, ...places, isMoving: false, index: -1 });
    this.pen = this.canvas.getContext("2d", { willReadFrequently: true });
    this.pixels = new Array(size[0] * size[1]).fill(0);
    this.canvas.addEventListener("pointerdown", event => {
      if (this.index >= 0) this.clear(); // it was an example
      this.isDrawing = true;
      this.stroke(event);
    });
    this.canvas.addEventListener("pointermove", event => this.isDrawing && this.stroke(event));
    window.addEventListener("pointerup", () => { this.isDrawing = false; this.last = null; });
    this.changed = () => {};
    this.restart();
  }
  clear() {
    this.index = -1;
    this.pen.fillStyle = "#000";
    this.pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.pixels.fill(0);
  }
  // The next example of the validation split.
  restart() {
    if (!this.examples.images.length) return this.clear();
    this.position = ((this.position ?? -1) + 1) % this.examples.images.length;
    this.index = this.position;
    this.pixels = this.examples.images[this.index].map(byte => byte / 255);
    const [rows, columns] = this.size, side = this.canvas.width / columns;
    this.pixels.forEach((value, i) => {
      const shade = Math.round(255 * value);
      this.pen.fillStyle = `rgb(${shade},${shade},${shade})`;
      this.pen.fillRect((i % columns) * side, Math.floor(i / columns) * this.canvas.height / rows, side + 1, side + 1);
    });
    this.changed();
  }
  stroke(event) {
    const box = this.canvas.getBoundingClientRect(), scale = this.canvas.width / box.width;
    const at = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale], from = this.last || at;
    Object.assign(this.pen, { strokeStyle: "#fff", lineWidth: this.canvas.width / 12, lineCap: "round", lineJoin: "round" });
    this.pen.beginPath();
    this.pen.moveTo(...from);
    this.pen.lineTo(at[0] + 0.01, at[1]);
    this.pen.stroke();
    this.last = at;
    this.pixels = preparedDigit(this.pen.getImageData(0, 0, this.canvas.width, this.canvas.height), this.size);
    this.changed();
  }
  inputs() { return this.pixels; }
  took(outputs) { this.outputs = outputs; }
  show() {
    const largest = Math.max(...this.outputs), odds = this.outputs.map(value => Math.exp(value - largest));
    const sum = odds.reduce((a, b) => a + b, 0), best = this.outputs.indexOf(largest);
    this.bars.replaceChildren(...odds.map((value, k) => {
      const row = document.createElement("div"), name = document.createElement("span"), bar = document.createElement("i"), share = document.createElement("span");
      row.className = k === best ? "bar first" : "bar";
      name.textContent = this.labels.outputs[k];
      bar.style.width = (100 * value / sum).toFixed(1) + "%";
      share.textContent = this.outputs[k].toFixed(2);
      row.append(name, bar, share);
      return row;
    }));
    this.words.textContent = this.index < 0 ? "" : `a ${this.labels.outputs[this.examples.labels[this.index]]} of the validation split`;
  }
}

// A drawing as MNIST's images are made: its box scaled to 20 of 28 pixels, its centre of mass in the middle; then sampled
// bilinearly to 16 x 16 and straightened by its moments, or averaged to 8 x 8, filling the picture.
function preparedDigit(image, [rows, columns]) {
  const side = image.width, ink = (x, y) => image.data[4 * (y * side + x)] / 255;
  let [left, right, top, bottom, mass, mx, my] = [side, 0, side, 0, 0, 0, 0];
  for (let y = 0; y < side; y++) for (let x = 0; x < side; x++) {
    const value = ink(x, y);
    if (!value) continue;
    [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)];
    mass += value; mx += value * x; my += value * y;
  }
  if (!mass) return new Array(rows * columns).fill(0);
  const box = Math.max(right - left, bottom - top) + 1, isSmall = rows < 12;
  const [cx, cy] = isSmall ? [(left + right) / 2, (top + bottom) / 2] : [mx / mass, my / mass];
  // Mean ink of a square of the drawing, whose middle is (u, v) in units of the box, from the centre.
  const grid = (size, span) => Array.from({ length: size * size }, (_, i) => {
    const cell = span / size * box, x0 = cx + ((i % size) - size / 2) * cell, y0 = cy + (Math.floor(i / size) - size / 2) * cell;
    let total = 0;
    for (let a = 0; a < 4; a++) for (let b = 0; b < 4; b++) {
      const x = Math.round(x0 + (a + 0.5) / 4 * cell), y = Math.round(y0 + (b + 0.5) / 4 * cell);
      if (x >= 0 && y >= 0 && x < side && y < side) total += ink(x, y);
    }
    return total / 16;
  });
  return isSmall ? grid(rows, 1.1) : deskewed(grid(28, 1.4), rows);
}

function deskewed(image, size) {
  const at = (pixels, side, x, y) => (x < 0 || y < 0 || x >= side || y >= side ? 0 : pixels[y * side + x]);
  const source = Array.from({ length: size }, (_, i) => Math.min(Math.max((i + 0.5) * 28 / size - 0.5, 0), 27));
  const small = source.flatMap(y => source.map(x => {
    const [x0, y0] = [Math.min(Math.floor(x), 26), Math.min(Math.floor(y), 26)], [fx, fy] = [x - x0, y - y0];
    const row = v => (1 - fx) * at(image, 28, x0, v) + fx * at(image, 28, x0 + 1, v);
    return (1 - fy) * row(y0) + fy * row(y0 + 1);
  }));
  let [mass, mx, my] = [1e-12, 0, 0];
  small.forEach((value, i) => { mass += value; mx += value * (i % size); my += value * Math.floor(i / size); });
  let [mixed, upright] = [0, 0];
  small.forEach((value, i) => {
    const [dx, dy] = [(i % size) - mx / mass, Math.floor(i / size) - my / mass];
    mixed += value * dx * dy; upright += value * dy * dy;
  });
  const skew = Math.abs(upright) < 0.01 ? 0 : mixed / upright;
  return small.map((_, i) => {
    const y = Math.floor(i / size), x = (i % size) + skew * (y - size / 2), x0 = Math.floor(x);
    return (1 - (x - x0)) * at(small, size, x0, y) + (x - x0) * at(small, size, x0 + 1, y);
  });
}

class HandFeed {
  constructor(count, labels, places) {
    Object.assign(this, { labels, ...places, isMoving: false });
    this.changed = () => {};
    this.sliders = Array.from({ length: count }, (_, i) => {
      const label = document.createElement("label"), slider = document.createElement("input"), value = document.createElement("span");
      Object.assign(slider, { type: "range", min: -1, max: 1, step: 0.01, value: 0 });
      slider.addEventListener("input", () => { value.textContent = slider.value; this.changed(); });
      value.textContent = "0";
      label.append(labels.inputs[i], slider, value);
      this.place.append(label);
      return slider;
    });
  }
  restart() {
    this.sliders.forEach(slider => { slider.value = 2 * Math.random() - 1; slider.dispatchEvent(new Event("input")); });
  }
  inputs() { return this.sliders.map(slider => Number(slider.value)); }
  took(outputs) { this.outputs = outputs; }
  show() {
    this.words.textContent = this.outputs.map((value, k) => `${this.labels.outputs[k]} ${value.toFixed(3)}`).join("  ");
  }
}
