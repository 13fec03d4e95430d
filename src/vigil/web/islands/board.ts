// The chair board, live: numbers at once, words and alarms as the server says them, silence loudly.
import { type Sample, ageNumbers, listen, refresher, setAge, showGateway, showSample } from "./lib/live";
import { sound } from "./lib/sound";

const chairs = document.getElementById("chairs");
if (chairs) {
  const refresh = refresher(chairs);
  const showOn = (chair: Element, sample: Sample): void => {
    showSample(chair, sample);
    const strip = chair.querySelector<HTMLElement>(".strip");
    if (!strip || sample.value === null) return;
    setAge(strip, sample.seen);
    // The server decides that data came back; ask it at once instead of waiting for the next round.
    if (strip.dataset["silent"] !== undefined && sample.quality === "good") refresh();
  };
  sound.offer();
  listen(chairs, 0, {
    samples(samples) {
      for (const sample of samples) {
        const chair = chairs.querySelector(`[data-session="${sample.session}"]`);
        if (!chair) refresh();
        else showOn(chair, sample);
      }
    },
    state: refresh,
    heartbeat: showGateway,
  });
  window.setInterval(() => ageNumbers(chairs), 1000);
}
