// The page: one network, what feeds it, a slider for its shared weight, and the plots.

const DATA = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const networks = DATA.networks.map(document => new Network(document));
const page = { network: networks[networks.length - 1], weight: DATA.weight, isTuned: DATA.is_tuned, isRunning: true };
const weightNow = () => (page.isTuned && page.network.weights ? null : page.weight);

function makeFeed() {
  const places = { canvas: $("feed"), words: $("words"), labels: DATA.labels, bars: $("bars"), place: $("hand") };
  if (WORLDS[DATA.world]) return new WorldFeed(WORLDS[DATA.world], places);
  if (DATA.labels.image) return new ImageFeed(DATA.labels.image, DATA.examples, places);
  return new HandFeed(page.network.num_inputs, DATA.labels, places);
}

function pass() { feed.took(page.network.forward(feed.inputs(), weightNow())); }

function show() {
  page.network.forward(feed.inputs(), weightNow()); // after a step: the values of what is seen now
  drawing.draw(weightNow());
  feed.show();
}

function refresh() {
  $("weight-value").textContent = weightNow() === null ? "tuned" : page.weight.toFixed(2);
  if (!feed.isMoving) pass();
  show();
  if (sweep) sweep.redraw(false);
}

let before = 0, owed = 0;
function tick(now) {
  const world = feed.world;
  if (page.isRunning) {
    owed = Math.min(owed + (now - before) / world.milliseconds, 10);
    for (; owed >= 1; owed--) pass();
    if (feed.isOver && (page.rest = (page.rest ?? 90) - 1) < 0) { page.rest = 90; feed.restart(); }
  }
  before = now;
  show();
  requestAnimationFrame(tick);
}

function setWeight(weight) {
  page.weight = weight;
  page.isTuned = false;
  if ($("tuned")) $("tuned").setAttribute("aria-pressed", "false");
  $("weight").value = weight;
  refresh();
}

const drawing = new Drawing($("network"), DATA.labels);
drawing.show(page.network);
const feed = makeFeed();
let sweep = null;
drawing.changed = () => feed.isMoving || show();
feed.changed = refresh;

$("weight").addEventListener("input", event => setWeight(Number(event.target.value)));
document.querySelectorAll("[data-weight]").forEach(button => button.addEventListener("click", () => setWeight(Number(button.dataset.weight))));
$("again").addEventListener("click", () => { feed.restart(); refresh(); });
if ($("clear")) $("clear").addEventListener("click", () => { feed.clear(); refresh(); });
if ($("pause")) $("pause").addEventListener("click", () => {
  page.isRunning = !page.isRunning;
  $("pause").textContent = page.isRunning ? "pause" : "go on";
});
if ($("tuned")) $("tuned").addEventListener("click", () => {
  page.isTuned = !page.isTuned;
  $("tuned").setAttribute("aria-pressed", String(page.isTuned));
  refresh();
});

function showChampion(index) {
  page.network = networks[index];
  $("champion").value = index;
  $("champion-words").textContent = DATA.networks[index].words;
  drawing.show(page.network);
  refresh();
}
if ($("champion")) {
  $("champion-words").textContent = DATA.networks[networks.length - 1].words;
  $("champion").addEventListener("input", event => showChampion(Number(event.target.value)));
  $("grow").addEventListener("click", () => {
    let index = 0;
    const next = () => { showChampion(index); if (++index < networks.length) setTimeout(next, Math.max(150, 4000 / networks.length)); };
    next();
  });
}

if (DATA.sweep) sweep = plotSweep($("sweep"), DATA.sweep, DATA.weights, weightNow);
if (DATA.history) {
  plotLearning($("learning"), DATA.history, false);
  let isLog = false;
  $("log").addEventListener("click", () => {
    isLog = !isLog;
    $("log").setAttribute("aria-pressed", String(isLog));
    plotLearning($("learning"), DATA.history, isLog);
  });
}
if (DATA.front) plotFront($("front"), DATA.front);
if (DATA.tuning) plotTuning($("tuning"), DATA.tuning);
refresh();
if (feed.isMoving) requestAnimationFrame(now => { before = now; tick(now); });
