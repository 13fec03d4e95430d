// The page at the chair, live: numbers, the chart of the course, and what changes by itself.
import "uplot/dist/uPlot.min.css";
import { drawCourse } from "./lib/course";
import { type Sample, ageNumbers, listen, refresher, setAge, showGateway, showSample } from "./lib/live";
import { sound } from "./lib/sound";

const live = document.getElementById("live");
if (live) void begin(live);

async function begin(box: HTMLElement): Promise<void> {
  const refresh = refresher(box);
  sound.offer();
  const figure = document.getElementById("chart");
  const course = figure ? await drawCourse(figure) : undefined;
  listen(box, course?.after ?? 0, {
    samples(samples) {
      for (const sample of samples) showLive(box, sample);
      course?.add(samples);
    },
    state() {
      refresh();
      void course?.reload();
    },
    heartbeat(heartbeat) {
      showGateway(heartbeat);
      course?.tick(heartbeat.now);
    },
  });
  window.setInterval(() => ageNumbers(box), 1000);
  box.addEventListener("htmx:afterSettle", () => moveOn());
}

function showLive(box: HTMLElement, sample: Sample): void {
  showSample(box, sample);
  const bar = document.getElementById("id-data");
  if (bar && sample.value !== null && sample.source === "device") setAge(bar, sample.seen);
}

/** Another person changed the phase: show the new page, unless someone here is in the middle of a set. */
function moveOn(): void {
  if (!document.querySelector("[data-moved-on]")) return;
  const isBusy = document.querySelector("dialog[open], #set :checked") !== null;
  const isTyping = [...document.querySelectorAll<HTMLInputElement>("#set input[type=text]")].some((input) => input.value !== input.defaultValue);
  if (!isBusy && !isTyping) location.reload();
}
