// The course of a session: pressure, heart rate, saturation, breaths and the dose, on one time axis.
// In: the server's thinned past and live samples. Out: four small charts, the lane of what is coming and a dose lane; gaps
// stay gaps, values that are not believed are hollow, limits are lines, now is a line. The table view holds the same values.
import uPlot from "uplot";
import { Coming, LANE_HEIGHT } from "./forecast";
import type { Sample } from "./live";

interface Line {
  t: number[];
  low: (number | null)[];
  mid: (number | null)[];
  high: (number | null)[];
  hollow: [number, number, string][];
}

interface Limit {
  readonly at: number;
  readonly rule: "above" | "below";
  readonly priority: string;
}

interface Past {
  start: string;
  seconds: number;
  now: number;
  after: number;
  lines: Record<string, Line>;
  pressures: [number, number, number, boolean, string][];
  limits: Record<string, Limit[]>;
  dose: { from: number; to: number; planned: number | null; is_running: boolean; words: string } | null;
  events: [number, string][];
  alarms: { at: number; to: number | null; metric: string; priority: string; words: string }[];
}

interface Panel {
  readonly metric: string;
  readonly title: string;
  readonly colour: string;
  readonly low: number;
  readonly high: number;
  readonly height: number;
  readonly dash?: number[];
}

const PANELS: readonly Panel[] = [
  { metric: "bp", title: "Pressure mmHg", colour: "--bp", low: 50, high: 200, height: 146 },
  { metric: "hr", title: "Heart rate /min", colour: "--hr", low: 50, high: 120, height: 88 },
  { metric: "spo2", title: "SpO₂ %", colour: "--spo2", low: 80, high: 100, height: 84, dash: [7, 3] },
  { metric: "rr", title: "Breaths /min", colour: "--rr", low: 0, high: 30, height: 70, dash: [2, 2] },
];
const COMING: Panel = { metric: "coming", title: "Effect site ng/mL (forecast)", colour: "--drug", low: 0, high: 1, height: LANE_HEIGHT };
const GAP_SECONDS = 15;
const LIMIT_WORD: Record<string, string> = { sbp: " upper", dbp: " lower" };
const LIVE_METRICS: Record<string, string> = { hr: "hr", spo2: "spo2", rr: "rr" };
const SPOKEN: Record<string, string> = { hr: "heart rate", spo2: "saturation", rr: "breaths" };
const LEFT = 46;

/** The colour that a token has now, in this theme. */
function colourOf(token: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${token})`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

function alpha(colour: string, share: number): string {
  return colour.replace(/^rgb\(([^)]+)\)$/, (_, parts: string) => `rgba(${parts}, ${share})`);
}

/** Places of values with a gap on both sides: no line reaches them, so each is drawn as a dot. */
function alone(plot: uPlot, place: number): number[] {
  const values = plot.data[place] ?? [];
  const known = (at: number): boolean => values[at] !== null && values[at] !== undefined;
  return [...values.keys()].filter((at) => known(at) && !known(at - 1) && !known(at + 1));
}

export interface Course {
  readonly after: number;
  add(samples: readonly Sample[]): void;
  tick(nowIso: string): void;
  reload(): Promise<void>;
}

class Drawing implements Course {
  private plots: uPlot[] = [];
  private lane: uPlot | undefined;
  private readonly coming: Coming | undefined;
  private colours: Record<string, string> = {};
  private scale = 1;
  private columnSeconds = 5;
  private isStale = false;
  private waiting: { sbp?: Sample; dbp?: Sample } = {};

  constructor(
    private readonly figure: HTMLElement,
    private readonly box: HTMLElement,
    private past: Past,
  ) {
    const address = figure.dataset["forecast"];
    this.coming = address ? new Coming(address, (isOtherShape) => this.hear(isOtherShape)) : undefined;
    this.build();
    new ResizeObserver(() => this.resize()).observe(this.box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.build());
    window.setInterval(() => this.drawIfStale(), 500);
  }

  get after(): number {
    return this.past.after;
  }

  private build(): void {
    for (const plot of this.plots) plot.destroy();
    this.box.replaceChildren();
    for (const token of ["--text", "--muted", "--line", "--edge", "--surface", "--drug", "--alarm-high", "--alarm-medium", "--alarm-low", ...PANELS.map((panel) => panel.colour)]) {
      this.colours[token] = colourOf(token);
    }
    this.columnSeconds = Math.max(1, this.span() / Math.max(200, this.box.clientWidth - LEFT));
    // With the lane of what is coming, the facts above it give up some height: a desk screen holds all of it.
    this.scale = this.coming?.isDrawn ? 0.84 : 1;
    this.plots = PANELS.map((panel) => this.plot(panel));
    this.lane = this.coming?.isDrawn ? this.comingLane() : undefined;
    if (this.lane) this.plots.push(this.lane);
    this.plots.push(this.doseLane());
    this.say();
  }

  private colour(token: string): string {
    return this.colours[token] ?? "";
  }

  /** Seconds that the time axis shows: the past, and what is forecast. */
  private span(): number {
    return Math.max(this.past.seconds, this.coming?.end(this.past.start) ?? 0);
  }

  /** A new forecast: its lane is drawn again; all of the chart only when its shape changed. */
  private hear(isOtherShape: boolean): void {
    if (isOtherShape) this.build();
    else this.isStale = true;
  }

  private width(): number {
    return Math.max(280, this.box.clientWidth);
  }

  private axes(panel: Panel | undefined): uPlot.Axis[] {
    const font = '11px "Inter Variable", system-ui, sans-serif';
    const grid = { stroke: this.colour("--line"), width: 1 };
    const hours: uPlot.Axis = {
      show: panel === undefined, stroke: this.colour("--muted"), font, size: 26, grid, ticks: { show: false },
      values: (_plot, splits) => splits.map((second) => this.minuteText(second)),
      splits: () => this.minuteMarks(),
    };
    const values: uPlot.Axis = { stroke: this.colour("--muted"), font, size: LEFT, grid, ticks: { show: false }, space: 26 };
    return [{ ...hours, show: true, size: panel === undefined ? 26 : 0 }, panel ? values : { ...values, values: () => [] }];
  }

  /** Minutes from the start of the drug, every ten or twenty. */
  private minuteMarks(): number[] {
    const zero = this.past.dose?.from ?? 0;
    const step = this.span() > 5400 ? 1200 : 600;
    const marks: number[] = [];
    for (let at = zero - Math.floor(zero / step) * step; at <= this.span(); at += step) marks.push(at);
    return marks;
  }

  private minuteText(second: number): string {
    return `${Math.round((second - (this.past.dose?.from ?? 0)) / 60)} min`;
  }

  private options(panel: Panel | undefined, height: number, series: uPlot.Series[], draw: (plot: uPlot) => void): uPlot.Options {
    return {
      width: this.width(), height, padding: [panel ? 17 : 4, 22, panel ? 3 : 2, 0], legend: { show: false },
      cursor: { sync: { key: "course" }, points: { show: false }, drag: { x: false, y: false }, y: false },
      scales: {
        x: { time: false, range: () => [0, this.span()] },
        y: { range: (_plot, low, high) => (panel ? range(panel, low, high) : [0, 1]) },
      },
      axes: this.axes(panel), series, hooks: { draw: [draw] },
      ...(panel && panel.metric !== "bp" && panel !== COMING ? { bands: [{ series: [2, 1] as [number, number], fill: alpha(this.colour(panel.colour), 0.22) }] } : {}),
    };
  }

  private plot(panel: Panel): uPlot {
    const colour = this.colour(panel.colour);
    const edge: uPlot.Series = { stroke: alpha(colour, 0.35), width: 0.5, points: { show: false }, spanGaps: false };
    const middle: uPlot.Series = { stroke: colour, width: 2, points: { show: true, size: 5, width: 0, fill: colour, filter: alone }, spanGaps: false, ...(panel.dash ? { dash: panel.dash } : {}) };
    const hidden: uPlot.Series = { stroke: "transparent", points: { show: false } };
    const series = panel.metric === "bp" ? [{}, hidden, hidden] : [{}, edge, edge, middle];
    return new uPlot(this.options(panel, Math.round(panel.height * this.scale), series, (plot) => this.mark(plot, panel)), this.data(panel), this.box);
  }

  private data(panel: Panel): uPlot.AlignedData {
    if (panel.metric === "bp") {
      const rows = this.past.pressures;
      return [rows.map((row) => row[0]), rows.map((row) => row[2]), rows.map((row) => row[1])];
    }
    const line = this.past.lines[panel.metric];
    return line ? [line.t, line.low, line.high, line.mid] : [[], [], [], []];
  }

  /** Limits, bars, hollow values, alarms, title and now: what a line chart alone does not say. */
  private mark(plot: uPlot, panel: Panel): void {
    const { ctx } = plot;
    ctx.save();
    for (const metric of panel.metric === "bp" ? ["sbp", "dbp"] : [panel.metric]) this.drawLimits(plot, metric);
    if (panel.metric === "bp") this.drawBars(plot);
    else this.drawHollow(plot, panel);
    this.drawAlarms(plot, panel);
    this.drawNow(plot, false);
    ctx.fillStyle = this.colour(panel.colour);
    ctx.font = `600 ${12 * devicePixelRatio}px "Inter Variable", system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.textBaseline = "bottom";
    ctx.fillText(panel.title, plot.bbox.left, plot.bbox.top - 2 * devicePixelRatio);
    ctx.restore();
  }

  private drawLimits(plot: uPlot, metric: string): void {
    const { ctx, bbox } = plot;
    const mildest = (this.past.limits[metric] ?? []).filter((limit) => limit.priority !== "high");
    ctx.strokeStyle = this.colour("--edge");
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
    for (const limit of mildest) {
      const y = Math.round(plot.valToPos(limit.at, "y", true));
      if (y < bbox.top || y > bbox.top + bbox.height) continue;
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
      ctx.fillStyle = this.colour("--muted");
      ctx.font = `${10.5 * devicePixelRatio}px "Inter Variable", system-ui, sans-serif`;
      ctx.textAlign = "right";
      ctx.textBaseline = limit.rule === "above" ? "bottom" : "top";
      ctx.fillText(`limit${LIMIT_WORD[metric] ?? ""} ${limit.at}`, bbox.left + bbox.width - 4 * devicePixelRatio, y);
      ctx.textAlign = "left";
    }
    ctx.setLineDash([]);
  }

  private drawBars(plot: uPlot): void {
    const { ctx } = plot;
    const colour = this.colour("--bp");
    for (const [at, sbp, dbp, isBelieved, source] of this.past.pressures) {
      const x = plot.valToPos(at, "x", true);
      const top = plot.valToPos(sbp, "y", true);
      const bottom = plot.valToPos(dbp, "y", true);
      ctx.strokeStyle = colour;
      ctx.lineCap = "round";
      if (isBelieved) {
        ctx.lineWidth = 5 * devicePixelRatio;
        line(ctx, x, top, bottom);
      } else {
        ctx.lineWidth = 1.2 * devicePixelRatio;
        ctx.strokeRect(x - 2.5 * devicePixelRatio, top, 5 * devicePixelRatio, bottom - top);
      }
      if (source === "manual") {
        // A reading taken by hand carries a cap, so that a colour is not needed to tell it.
        ctx.lineWidth = 2 * devicePixelRatio;
        cap(ctx, x, top);
        cap(ctx, x, bottom);
      }
    }
  }

  private drawHollow(plot: uPlot, panel: Panel): void {
    const { ctx, bbox } = plot;
    ctx.strokeStyle = this.colour(panel.colour);
    ctx.fillStyle = this.colour("--surface");
    ctx.lineWidth = 1.4 * devicePixelRatio;
    for (const [at, value] of this.past.lines[panel.metric]?.hollow ?? []) {
      const y = Math.min(Math.max(plot.valToPos(value, "y", true), bbox.top + 5), bbox.top + bbox.height - 5);
      ctx.beginPath();
      ctx.arc(plot.valToPos(at, "x", true), y, 3.5 * devicePixelRatio, 0, 2 * Math.PI);
      ctx.fill();
      ctx.stroke();
    }
  }

  private drawAlarms(plot: uPlot, panel: Panel): void {
    const { ctx, bbox } = plot;
    const own = panel.metric === "bp" ? ["sbp", "dbp", "map", "pressure"] : panel.metric === "hr" ? ["hr", "pulse"] : [panel.metric];
    for (const alarm of this.past.alarms.filter((one) => own.includes(one.metric))) {
      const from = plot.valToPos(alarm.at, "x", true);
      const to = plot.valToPos(alarm.to ?? this.past.now, "x", true);
      ctx.fillStyle = this.colour(`--alarm-${alarm.priority}`);
      ctx.fillRect(from, bbox.top + bbox.height - 4 * devicePixelRatio, Math.max(to - from, 3 * devicePixelRatio), 4 * devicePixelRatio);
      ctx.font = `${11 * devicePixelRatio}px sans-serif`;
      ctx.textBaseline = "bottom";
      ctx.fillText({ high: "▲▲▲", medium: "▲▲", low: "▲" }[alarm.priority] ?? "▲", from, bbox.top + bbox.height - 5 * devicePixelRatio);
    }
  }

  private drawNow(plot: uPlot, hasWord: boolean): void {
    const { ctx, bbox } = plot;
    const x = Math.round(plot.valToPos(this.past.now, "x", true));
    ctx.strokeStyle = this.colour("--text");
    ctx.lineWidth = devicePixelRatio;
    line(ctx, x, bbox.top, bbox.top + bbox.height);
    if (!hasWord) return;
    ctx.textAlign = "left";
    ctx.fillStyle = this.colour("--text");
    ctx.font = `600 ${11 * devicePixelRatio}px "Inter Variable", system-ui, sans-serif`;
    ctx.textBaseline = "top";
    ctx.fillText("now", x + 5 * devicePixelRatio, bbox.top + 1);
  }

  private comingLane(): uPlot {
    const hidden: uPlot.Series[] = [{}, { stroke: "transparent", points: { show: false } }];
    const options = this.options(COMING, LANE_HEIGHT, hidden, (plot) => this.drawComing(plot));
    options.scales = { ...options.scales, y: { range: () => [0, this.coming?.top() ?? 1] } };
    return new uPlot(options, [[0, this.span()], [0, 0]], this.box);
  }

  private drawComing(plot: uPlot): void {
    const { ctx } = plot;
    this.coming?.draw(plot, this.past.start, (token, share) => alpha(this.colour(token), share));
    ctx.save();
    this.drawNow(plot, false);
    ctx.fillStyle = this.colour("--drug");
    ctx.font = `600 ${12 * devicePixelRatio}px "Inter Variable", system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.textBaseline = "bottom";
    ctx.fillText(COMING.title, plot.bbox.left, plot.bbox.top - 2 * devicePixelRatio);
    ctx.restore();
  }

  private doseLane(): uPlot {
    const series: uPlot.Series[] = [{}, { stroke: "transparent", points: { show: false } }];
    return new uPlot(this.options(undefined, this.scale < 1 ? 67 : 70, series, (plot) => this.drawDose(plot)), [[0, this.span()], [0, 0]], this.box);
  }

  private drawDose(plot: uPlot): void {
    const { ctx, bbox } = plot;
    const unit = devicePixelRatio;
    ctx.save();
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    ctx.font = `600 ${11.5 * unit}px "Inter Variable", system-ui, sans-serif`;
    const dose = this.past.dose;
    const top = bbox.top + bbox.height - 14 * unit;
    if (dose) {
      const stretches = this.coming?.doses(this.past.start) ?? this.roughly(dose);
      for (const [spans, colour] of [[stretches.rest, alpha(this.colour("--drug"), 0.3)], [stretches.given, this.colour("--drug")]] as const) {
        ctx.fillStyle = colour;
        for (const [begin, end] of spans) {
          const from = plot.valToPos(begin, "x", true);
          ctx.fillRect(from, top, Math.max(plot.valToPos(end, "x", true) - from, 4 * unit), 11 * unit);
        }
      }
      ctx.fillStyle = this.colour("--drug");
      ctx.fillText(dose.words, plot.valToPos(dose.from, "x", true) + 2 * unit, top - 9 * unit);
    }
    ctx.fillStyle = this.colour("--muted");
    for (const [at] of this.past.events) {
      const x = plot.valToPos(at, "x", true);
      if (x < bbox.left) continue;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top + 10 * unit);
      ctx.lineTo(x - 4 * unit, bbox.top + 3 * unit);
      ctx.lineTo(x + 4 * unit, bbox.top + 3 * unit);
      ctx.fill();
    }
    this.drawNow(plot, true);
    ctx.restore();
  }

  /** Before the first forecast: from the start to now or the stop, and the planned end. */
  private roughly(dose: NonNullable<Past["dose"]>): { given: [number, number][]; rest: [number, number][] } {
    const to = dose.is_running ? this.past.now : dose.to;
    return { given: [[dose.from, to]], rest: dose.planned !== null && dose.is_running ? [[dose.from, dose.planned]] : [] };
  }

  private resize(): void {
    for (const plot of this.plots) {
      if (plot.width !== this.width()) plot.setSize({ width: this.width(), height: plot.height });
    }
  }

  /** What a screen reader hears in place of the picture. */
  private say(): void {
    const words = document.getElementById("chart-words");
    if (!words) return;
    const parts = PANELS.slice(1).flatMap((panel) => {
      const line = this.past.lines[panel.metric];
      const lows = line?.low.filter((value) => value !== null) ?? [];
      const highs = line?.high.filter((value) => value !== null) ?? [];
      return lows.length ? [`${SPOKEN[panel.metric] ?? panel.title} ${Math.min(...lows)} to ${Math.max(...highs)}`] : [];
    });
    const top = this.past.pressures.reduce<[number, number] | undefined>((found, row) => (row[3] && (!found || row[1] > found[0]) ? [row[1], row[2]] : found), undefined);
    if (top) parts.unshift(`highest pressure ${top[0]}/${top[1]}`);
    words.textContent = parts.length ? `So far: ${parts.join(", ")}.` : "No values yet.";
  }

  add(samples: readonly Sample[]): void {
    const start = Date.parse(this.past.start);
    for (const sample of samples) {
      const at = (Date.parse(sample.measured) - start) / 1000;
      if (sample.metric === "sbp" || sample.metric === "dbp") this.addPressure(sample, at);
      const line = this.past.lines[LIVE_METRICS[sample.metric] ?? ""];
      if (line) addTo(line, sample, at, this.columnSeconds);
    }
    this.isStale = true;
  }

  private addPressure(sample: Sample, at: number): void {
    if (sample.value === null) return;
    if (this.waiting.sbp && this.waiting.sbp.measured !== sample.measured) this.waiting = {};
    if (this.waiting.dbp && this.waiting.dbp.measured !== sample.measured) this.waiting = {};
    this.waiting = { ...this.waiting, [sample.metric]: sample };
    const { sbp, dbp } = this.waiting;
    if (!sbp || !dbp || sbp.value === null || dbp.value === null) return;
    this.past.pressures.push([at, sbp.value, dbp.value, sbp.quality === "good" && dbp.quality === "good", sbp.source]);
    this.waiting = {};
  }

  tick(nowIso: string): void {
    this.past.now = (Date.parse(nowIso) - Date.parse(this.past.start)) / 1000;
    if (this.past.now > this.past.seconds - 60) void this.reload();
    this.isStale = true;
  }

  private drawIfStale(): void {
    if (!this.isStale || document.hidden) return;
    this.isStale = false;
    PANELS.forEach((panel, index) => this.plots[index]?.setData(this.data(panel)));
    for (const plot of this.plots.slice(PANELS.length)) plot.setData([[0, this.span()], [0, 0]]);
  }

  async reload(): Promise<void> {
    const past = await fetchPast(this.figure, this.width());
    if (!past) return;
    this.past = past;
    this.say();
    this.isStale = true;
  }
}

function range(panel: Panel, low: number | null, high: number | null): [number, number] {
  return [Math.min(panel.low, (low ?? panel.low) - 3), Math.max(panel.high, (high ?? panel.high) + (panel.metric === "spo2" ? 0 : 3))];
}

function line(ctx: CanvasRenderingContext2D, x: number, from: number, to: number): void {
  ctx.beginPath();
  ctx.moveTo(x, from);
  ctx.lineTo(x, to);
  ctx.stroke();
}

function cap(ctx: CanvasRenderingContext2D, x: number, y: number): void {
  ctx.beginPath();
  ctx.moveTo(x - 6 * devicePixelRatio, y);
  ctx.lineTo(x + 6 * devicePixelRatio, y);
  ctx.stroke();
}

/** Adds a live value to its column, or begins a new one; a silence becomes a gap, not a line. */
export function addTo(line: Line, sample: Sample, at: number, columnSeconds: number): void {
  if (sample.value === null) return;
  if (sample.quality !== "good") {
    line.hollow.push([at, sample.value, sample.quality]);
    return;
  }
  const last = line.t.length - 1;
  const lastAt = line.t[last] ?? -Infinity;
  const isKnown = last >= 0 && line.mid[last] !== null;
  if (at < lastAt) return;
  if (isKnown && at - lastAt < columnSeconds) {
    line.low[last] = Math.min(line.low[last] ?? sample.value, sample.value);
    line.high[last] = Math.max(line.high[last] ?? sample.value, sample.value);
    line.mid[last] = sample.value;
    return;
  }
  if (isKnown && at - lastAt > GAP_SECONDS + columnSeconds) push(line, (at + lastAt) / 2, null);
  push(line, at, sample.value);
}

function push(line: Line, at: number, value: number | null): void {
  line.t.push(at);
  line.low.push(value);
  line.mid.push(value);
  line.high.push(value);
}

async function fetchPast(figure: HTMLElement, width: number): Promise<Past | undefined> {
  try {
    const answer = await fetch(`${figure.dataset["history"] ?? ""}?columns=${Math.round(width - LEFT)}`, { credentials: "same-origin" });
    return answer.ok ? ((await answer.json()) as Past) : undefined;
  } catch {
    // The table view and the numbers still work; the next round asks again.
    return undefined;
  }
}

/** Draws the course into the figure; nothing when its past cannot be read. */
export async function drawCourse(figure: HTMLElement): Promise<Course | undefined> {
  const box = figure.querySelector<HTMLElement>("[data-panels]");
  const past = box ? await fetchPast(figure, box.clientWidth) : undefined;
  return box && past ? new Drawing(figure, box, past) : undefined;
}
