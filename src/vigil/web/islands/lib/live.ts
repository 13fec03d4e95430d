// The live stream of the clinic's server, with a watchdog on this side of the wire.
// In: Server-Sent Events of the stream process. Out: calls of the page, and a loud word when news stops.
import { hearServerTime, serverNow } from "./clocks";
import { sound } from "./sound";

export interface Sample {
  readonly id: number;
  readonly session: string;
  readonly metric: string;
  readonly value: number | null;
  readonly quality: string;
  readonly source: string;
  readonly measured: string;
  /** From here its age counts: the earlier of measured and received. */
  readonly seen: string;
}

export interface Heartbeat {
  readonly now: string;
  readonly gateway_age: number | null;
  readonly is_listening: boolean;
}

export interface Hearing {
  samples(samples: readonly Sample[]): void;
  state(): void;
  heartbeat(heartbeat: Heartbeat): void;
}

/** A display that heard nothing for this long does not know how the patient is. */
const LOST_MS = 4000;
const RETRY_MS = 2000;
/** The stream may take a moment to open; after this long without one word, the page says so. */
const FIRST_WORD_MS = 8000;

function streamAddress(box: HTMLElement): string {
  const port = box.dataset["streamPort"] ?? "";
  return `${location.protocol}//${location.hostname}:${port}${box.dataset["stream"] ?? ""}`;
}

/** Shows or hides the word that the display is lost, on the page and by sound. */
class Watchdog {
  private lastWordAt = performance.now() + (FIRST_WORD_MS - LOST_MS);
  private isLost = false;

  constructor() {
    window.setInterval(() => this.look(), 500);
  }

  heard(): void {
    this.lastWordAt = performance.now();
    if (this.isLost) this.show(false);
  }

  private look(): void {
    const isLost = performance.now() - this.lastWordAt > LOST_MS;
    if (isLost !== this.isLost) this.show(isLost);
  }

  private show(isLost: boolean): void {
    this.isLost = isLost;
    const box = document.getElementById("watchdog");
    if (box) box.hidden = !isLost;
    document.body.classList.toggle("is-lost", isLost);
    if (isLost) sound.start();
    else sound.stop();
  }
}

/** Listens until the page goes; opens the stream again by itself, from where it broke. */
export function listen(box: HTMLElement, after: number, hearing: Hearing): void {
  const watchdog = new Watchdog();
  let last = after;
  let source: EventSource | undefined;

  const open = (): void => {
    source = new EventSource(`${streamAddress(box)}?after=${last}`, { withCredentials: true });
    source.addEventListener("samples", (event) => {
      watchdog.heard();
      last = Math.max(last, Number(event.lastEventId) || 0);
      hearing.samples(JSON.parse(event.data as string) as Sample[]);
    });
    source.addEventListener("state", () => {
      watchdog.heard();
      hearing.state();
    });
    source.addEventListener("heartbeat", (event) => {
      watchdog.heard();
      const heartbeat = JSON.parse(event.data as string) as Heartbeat;
      hearServerTime(heartbeat.now);
      hearing.heartbeat(heartbeat);
    });
    source.addEventListener("error", () => {
      // A refused or closed stream is not opened again by the browser; do it here, from the last known sample.
      if (source?.readyState !== EventSource.CLOSED) return;
      source.close();
      window.setTimeout(open, RETRY_MS);
    });
  };

  open();
  window.addEventListener("pagehide", () => source?.close());
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) open();
  });
}

/** Puts a new value into every number of the page that shows this metric, and its age back to zero. */
export function showSample(root: ParentNode, sample: Sample): void {
  if (sample.value === null || sample.quality !== "good" || sample.source !== "device") return;
  const age = serverAge(sample.seen);
  for (const box of root.querySelectorAll<HTMLElement>(`[data-metric="${sample.metric}"][data-continuous]`)) {
    const value = box.querySelector("[data-value]");
    if (value) value.textContent = String(Math.round(sample.value));
    box.classList.toggle("hollow", age > FRESH_SECONDS);
    box.classList.remove("doubted");
    const doubt = box.querySelector("[data-doubt]");
    if (doubt) doubt.textContent = "old";
    setAge(box, sample.seen);
  }
}

/** Older than this, a number of a continuous channel is drawn hollow. */
export const FRESH_SECONDS = 5;

function serverAge(iso: string): number {
  return (serverNow() - Date.parse(iso)) / 1000;
}

/** The age of everything under `box` counts from this moment on. */
export function setAge(box: ParentNode, seen: string): void {
  for (const age of box.querySelectorAll<HTMLElement>("[data-age]")) age.dataset["measured"] = String(Date.parse(seen));
}

/** Numbers of continuous channels go hollow by themselves when their age passes the limit. */
export function ageNumbers(root: ParentNode): void {
  for (const box of root.querySelectorAll<HTMLElement>("[data-continuous]")) {
    const measured = Number(box.querySelector<HTMLElement>("[data-age]")?.dataset["measured"]);
    if (measured) box.classList.toggle("hollow", serverNow() - measured > FRESH_SECONDS * 1000 || box.classList.contains("doubted"));
  }
}

/** Says how old the gateway's last sign of life is. */
export function showGateway(heartbeat: Heartbeat): void {
  const box = document.querySelector("[data-gateway-age]");
  if (box) box.textContent = heartbeat.gateway_age === null ? "not running" : `${heartbeat.gateway_age.toFixed(1)} s`;
}

/** Asks for the changing part of the page anew, at most once a second, and never under a pressed finger. */
export function refresher(box: HTMLElement): () => void {
  let isPressed = false;
  let isWaiting = false;
  let lastAt = 0;
  document.addEventListener("pointerdown", () => (isPressed = true));
  for (const end of ["pointerup", "pointercancel"]) {
    // The click that follows must still find its button.
    document.addEventListener(end, () => window.setTimeout(() => (isPressed = false), 250));
  }
  box.addEventListener("htmx:beforeRequest", (event) => {
    if (isPressed) event.preventDefault();
  });
  box.addEventListener("htmx:beforeSwap", (event) => {
    if (isPressed) (event as CustomEvent<{ shouldSwap: boolean }>).detail.shouldSwap = false;
  });
  return () => {
    if (isWaiting) return;
    isWaiting = true;
    window.setTimeout(
      () => {
        isWaiting = false;
        lastAt = performance.now();
        box.dispatchEvent(new CustomEvent("vigil:refresh"));
      },
      Math.max(0, 1000 - (performance.now() - lastAt)),
    );
  };
}
