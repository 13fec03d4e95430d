// The lane of what is coming: two models at the effect site, lighter than every fact above it.
// In: the server's forecast, asked for every few seconds. Out: bands and lines on the course's time axis, and sentences.
// Nothing else on the page waits for it or depends on it: when it fails, it says so in words and leaves no curve behind.
import type uPlot from "uplot";

interface Curve {
  readonly t: number[];
  readonly mid: number[];
  readonly low50: number[];
  readonly high50: number[];
  readonly low90: number[];
  readonly high90: number[];
}

interface Model {
  readonly style: "one" | "two" | "three";
  readonly title: string;
  readonly site: string;
  readonly so_far: Curve;
  readonly planned: Curve;
  readonly stopped: Curve;
}

interface Words {
  readonly style: string;
  readonly title: string;
  readonly words: string;
  readonly stopped: string;
}

interface Ready {
  readonly half: string;
  readonly words: string;
  readonly note: string;
}

export interface Body {
  readonly state: "none" | "refused" | "drawn" | "later";
  readonly started: string;
  readonly until: number;
  readonly given: [number, number][];
  readonly rest: [number, number][];
  readonly asks_rate: boolean;
  readonly planned_word: string;
  readonly words?: string;
  readonly caption?: string;
  readonly level?: number;
  readonly level_words?: string;
  readonly models?: Model[];
  readonly lines?: Words[];
  readonly has_rest?: boolean;
  readonly ready?: Ready | null;
}

const ASK_MS = 5000;
const LATER_MS = 1200;
const FAILED = "The forecast cannot be shown now. Values, alarms and duties do not depend on it.";
const DASHES: Record<Model["style"], number[]> = { one: [], two: [6, 4], three: [2, 3] };
export const COLOURS: Record<Model["style"], string> = { one: "--drug", two: "--rr", three: "--bp" };
export const LANE_HEIGHT = 126;

type Paint = (token: string, share: number) => string;

/** What is coming at this chair, as far as it is known now. */
export class Coming {
  private body: Body | undefined;
  private showsStopped = false;
  private readonly box = document.getElementById("coming");

  constructor(
    private readonly address: string,
    private readonly changed: (isOtherShape: boolean) => void,
  ) {
    const button = this.button();
    button?.addEventListener("click", () => {
      this.showsStopped = !this.showsStopped;
      button.setAttribute("aria-pressed", String(this.showsStopped));
      this.changed(false);
    });
    void this.ask();
    window.setInterval(() => {
      if (!document.hidden) void this.ask();
    }, ASK_MS);
  }

  get isDrawn(): boolean {
    return this.body?.state === "drawn";
  }

  /** Seconds from the chart's left edge to the end of what is forecast; 0 without one. */
  end(start: string): number {
    return this.body && this.isDrawn ? this.offset(start) + this.body.until * 60 : 0;
  }

  /** Stretches of the dose lane in seconds from the chart's left edge: given, and what the plan still holds. */
  doses(start: string): { given: [number, number][]; rest: [number, number][] } | undefined {
    const body = this.body;
    if (!body || body.state === "none") return undefined;
    const at = (spans: [number, number][]): [number, number][] => spans.map(([a, b]) => [this.offset(start) + a * 60, this.offset(start) + b * 60]);
    return { given: at(body.given), rest: at(body.rest) };
  }

  top(): number {
    const highs = (this.body?.models ?? []).flatMap((model) => [...model.so_far.high90, ...model.planned.high90, ...model.stopped.high90]);
    return 1.08 * Math.max(60, ...highs);
  }

  draw(plot: uPlot, start: string, paint: Paint): void {
    const body = this.body;
    if (!body?.models) return;
    const { ctx, bbox } = plot;
    const unit = devicePixelRatio;
    const path = new Pen(plot, this.offset(start));
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    for (const model of body.models) {
      for (const curve of [model.so_far, model.planned]) {
        path.area(curve.t, curve.low90, curve.high90, paint(COLOURS[model.style], 0.17));
        path.area(curve.t, curve.low50, curve.high50, paint(COLOURS[model.style], 0.2));
      }
    }
    for (const model of body.models) {
      for (const curve of [model.so_far, model.planned]) path.line(curve.t, curve.mid, paint(COLOURS[model.style], 1), 1.7 * unit, DASHES[model.style].map((length) => length * unit));
    }
    if (this.showsStopped && body.has_rest) {
      for (const model of body.models) {
        path.line(model.stopped.t, model.stopped.low90, paint(COLOURS[model.style], 0.55), 0.8 * unit, [1.5 * unit, 2.5 * unit]);
        path.line(model.stopped.t, model.stopped.high90, paint(COLOURS[model.style], 0.55), 0.8 * unit, [1.5 * unit, 2.5 * unit]);
        path.line(model.stopped.t, model.stopped.mid, paint("--text", 0.85), 2 * unit, [1.5 * unit, 3 * unit]);
      }
    }
    this.drawLevel(plot, paint);
    ctx.restore();
  }

  private drawLevel(plot: uPlot, paint: Paint): void {
    const level = this.body?.level;
    if (level === undefined) return;
    const { ctx, bbox } = plot;
    const unit = devicePixelRatio;
    const y = Math.round(plot.valToPos(level, "y", true));
    ctx.strokeStyle = paint("--edge", 1);
    ctx.lineWidth = unit;
    ctx.setLineDash([1 * unit, 4 * unit]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.setLineDash([]);
  }

  private offset(start: string): number {
    return this.body ? (Date.parse(this.body.started) - Date.parse(start)) / 1000 : 0;
  }

  private button(): HTMLButtonElement | null {
    return document.querySelector<HTMLButtonElement>("[data-stopped]");
  }

  private async ask(): Promise<void> {
    const before = this.body;
    const found = await fetchBody(this.address);
    if (found?.state === "later") {
      // The server is at another chair's forecast: what is drawn stays, and it is asked again soon.
      window.setTimeout(() => void this.ask(), LATER_MS);
      return;
    }
    this.body = found;
    this.say(found);
    this.changed(before?.state !== found?.state || before?.until !== found?.until);
  }

  /** The sentences, for those who cannot or will not read a curve. */
  private say(body: Body | undefined): void {
    const caption = this.box?.querySelector<HTMLElement>("[data-caption]");
    if (!this.box || !caption) return;
    caption.textContent = body ? (body.caption ?? body.words ?? "") : FAILED;
    this.box.hidden = body?.state === "none";
    const list = this.box.querySelector("[data-lines]");
    const shown = [...(list?.querySelectorAll("li") ?? [])].map((item) => item.textContent).join();
    const items = (body?.lines ?? []).map((line) => lineItem(line));
    // Only a changed sentence is put in, so that a reader's place in the list is kept.
    if (shown !== items.map((item) => item.textContent).join()) list?.replaceChildren(...items);
    const level = this.box.querySelector("[data-level]");
    if (level) level.textContent = body?.level_words ?? "";
    const button = this.button();
    if (button) button.hidden = !body?.has_rest;
    const rate = document.getElementById("still-runs");
    if (rate) rate.hidden = !body?.asks_rate;
    sayReady(body?.ready ?? null);
  }
}

function lineItem(line: Words): HTMLLIElement {
  const item = document.createElement("li");
  item.className = `s-${line.style}`;
  const title = document.createElement("strong");
  title.textContent = line.title;
  item.append(title, ` ${line.words}`);
  if (line.stopped) {
    const stopped = document.createElement("span");
    stopped.className = "k-stopped";
    stopped.textContent = ` ${line.stopped}`;
    item.append(stopped);
  }
  return item;
}

function sayReady(ready: Ready | null): void {
  const box = document.getElementById("ready");
  if (!box) return;
  box.hidden = ready === null;
  for (const [part, text] of [["half", ready?.half], ["words", ready?.words], ["note", ready?.note]] as const) {
    const place = box.querySelector(`[data-${part}]`);
    if (place) place.textContent = text ?? "";
  }
}

/** Draws on a plot in its own scales; minutes count from the start of the drug. */
class Pen {
  constructor(
    private readonly plot: uPlot,
    private readonly offset: number,
  ) {}

  private trace(minutes: number[], values: number[]): void {
    const { ctx } = this.plot;
    for (const [place, minute] of minutes.entries()) {
      const x = this.plot.valToPos(this.offset + minute * 60, "x", true);
      const y = this.plot.valToPos(values[place] ?? 0, "y", true);
      if (place === 0) ctx.moveTo(x, y);
      else ctx.lineTo(x, y);
    }
  }

  line(minutes: number[], values: number[], colour: string, width: number, dash: number[]): void {
    const { ctx } = this.plot;
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    ctx.lineJoin = "round";
    ctx.setLineDash(dash);
    ctx.beginPath();
    this.trace(minutes, values);
    ctx.stroke();
    ctx.setLineDash([]);
  }

  area(minutes: number[], low: number[], high: number[], colour: string): void {
    const { ctx } = this.plot;
    ctx.fillStyle = colour;
    ctx.beginPath();
    this.trace([...minutes, ...[...minutes].reverse()], [...high, ...[...low].reverse()]);
    ctx.closePath();
    ctx.fill();
  }
}

async function fetchBody(address: string): Promise<Body | undefined> {
  try {
    const answer = await fetch(address, { credentials: "same-origin" });
    return answer.ok ? ((await answer.json()) as Body) : undefined;
  } catch {
    return undefined;
  }
}
