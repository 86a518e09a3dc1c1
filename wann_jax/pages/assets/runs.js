// The page of several runs: a plot for each column.

const DATA = JSON.parse(document.getElementById("data").textContent);
let isLog = false;
const plotAll = () => document.querySelectorAll("[data-column]").forEach(place => plotRuns(place, DATA.runs, place.dataset.column, isLog));
document.getElementById("log").addEventListener("click", event => {
  isLog = !isLog;
  event.target.setAttribute("aria-pressed", String(isLog));
  plotAll();
});
plotAll();
