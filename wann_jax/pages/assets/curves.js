// Plots with uPlot: score against the shared weight, learning, the Pareto front, tuning.

const BLUE = "#1f5fa8", GREY = "#8a9097", GREEN = "#188038", ORANGE = "#d9822b";

function plotInto(place, options, data) {
  const width = Math.min(place.clientWidth || 560, options.width || 1100);
  return new uPlot({ height: 280, ...options, width, cursor: { drag: { x: false, y: false } } }, data, place);
}

const line = (label, stroke, more = {}) => ({ label, stroke, width: 1.6, points: { show: false }, ...more });
const axis = (label, more = {}) => ({ label, labelSize: 20, font: "12px system-ui", labelFont: "12px system-ui", ...more });

function upright(plot, at, colour, width) {
  const x = plot.valToPos(at, "x", true), { top, height } = plot.bbox, pen = plot.ctx;
  pen.save();
  pen.beginPath();
  pen.moveTo(x, top);
  pen.lineTo(x, top + height);
  pen.lineWidth = width * devicePixelRatio;
  pen.strokeStyle = colour;
  pen.stroke();
  pen.restore();
}

// live(): the shared weight that the page has now, or null.
function plotSweep(place, sweep, weights, live) {
  const spread = sweep.low !== null, data = [sweep.weights, sweep.middle];
  const series = [{ label: "weight" }, line(sweep.name, BLUE, { width: 2 })];
  if (spread) {
    data.push(sweep.low, sweep.high);
    series.push(line("10 %", "rgba(31,95,168,.25)", { width: 1 }), line("90 %", "rgba(31,95,168,.25)", { width: 1 }));
  }
  if (sweep.tuned !== null) {
    data.push(sweep.weights.map(() => sweep.tuned));
    series.push(line("tuned weights", ORANGE, { dash: [6, 4] }));
  }
  return plotInto(place, {
    width: 560,
    scales: { x: { time: false } },
    axes: [axis("shared weight"), axis(sweep.name, { size: 60 })],
    series,
    bands: spread ? [{ series: [3, 2], fill: "rgba(31,95,168,.13)" }] : [],
    hooks: { draw: [plot => {
      weights.forEach(weight => upright(plot, weight, "rgba(0,0,0,.16)", 1));
      if (live() !== null) upright(plot, live(), "#c8532b", 1.5);
    }] },
  }, data);
}

// runs: [{name, generation, columns by name}]. isLog: generations on a logarithmic scale.
function plotLearning(place, columns, isLog) {
  place.replaceChildren();
  const x = columns.generation.map(generation => generation + 1);
  return plotInto(place, {
    scales: { x: { time: false, distr: isLog ? 3 : 1 }, size: {} },
    axes: [axis("generation"), axis("return", { size: 60 }), axis("connections", { scale: "size", side: 1, grid: { show: false } })],
    series: [{ label: "generation" }, line("best", BLUE), line("median", GREY),
      line("champion, held out", GREEN, { width: 2 }), line("connections of the best", ORANGE, { scale: "size", dash: [4, 4] })],
  }, [x, columns.return_max, columns.return_median, columns.champion_score, columns.best_connections]);
}

function plotFront(place, front) {
  const order = front.connections.map((_, i) => i).sort((a, b) => front.connections[a] - front.connections[b]);
  const x = order.map(i => front.connections[i]), all = order.map(i => front.returns[i]);
  const first = order.map(i => (front.is_first[i] ? front.returns[i] : null));
  const dots = (label, colour, size) => ({ label, stroke: colour, paths: () => null, points: { show: true, size, fill: colour } });
  return plotInto(place, {
    width: 560,
    scales: { x: { time: false } },
    axes: [axis("connections"), axis("mean return", { size: 60 })],
    series: [{ label: "connections" }, dots("an individual", "rgba(138,144,151,.55)", 5), dots("nobody is better and smaller", BLUE, 8)],
  }, [x, all, first]);
}

function plotTuning(place, curve) {
  return plotInto(place, {
    width: 560,
    scales: { x: { time: false } },
    axes: [axis("update"), axis("held-out score", { size: 60 })],
    series: [{ label: "update" }, line("held-out score", GREEN, { width: 2 })],
  }, [curve.steps, curve.scores]);
}

// runs: [{name, generation: [], value: []}], drawn in one picture on the generations of all.
function plotRuns(place, runs, name, isLog) {
  place.replaceChildren();
  const hues = ["#1f5fa8", "#c8532b", "#188038", "#9334e6", "#d99a00", "#12a4bc", "#c2185b", "#5f6368"];
  const x = [...new Set(runs.flatMap(run => run.generation))].sort((a, b) => a - b);
  const at = new Map(x.map((generation, index) => [generation, index]));
  const rows = runs.map(run => {
    const row = x.map(() => null);
    run.generation.forEach((generation, k) => { row[at.get(generation)] = run[name][k]; });
    return row;
  });
  return plotInto(place, {
    scales: { x: { time: false, distr: isLog ? 3 : 1 } },
    axes: [axis("generation"), axis(name.replaceAll("_", " "), { size: 60 })],
    series: [{ label: "generation" }, ...runs.map((run, k) => line(run.name, hues[k % hues.length], { spanGaps: true }))],
  }, [x.map(generation => generation + 1), ...rows]);
}
