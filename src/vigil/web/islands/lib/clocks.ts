// Clocks that run on the page, by the server's time and not by the tablet's.
// data-since: minutes and seconds since a moment. data-clock-to: time left until a moment, then how late.
// data-age: seconds, counted up from what the server said; with data-age-words in words.

let offsetMs = 0;

/** Sets the page's clock to the server's. */
export function hearServerTime(iso: string): void {
  const server = Date.parse(iso);
  if (!Number.isNaN(server)) offsetMs = server - Date.now();
}

/** Milliseconds since 1970 by the server's clock. */
export function serverNow(): number {
  return Date.now() + offsetMs;
}

/** Seconds as a running clock: 83 is 1:23, 3723 is 1:02:03. */
export function clockText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** An age as a person says it: now, 25 min ago, 1 h 5 min ago. */
export function ageWords(seconds: number): string {
  const all = Math.max(0, Math.floor(seconds / 60));
  const [hours, minutes] = [Math.floor(all / 60), all % 60];
  if (hours === 0) return minutes === 0 ? "now" : `${minutes} min ago`;
  return minutes === 0 ? `${hours} h ago` : `${hours} h ${minutes} min ago`;
}

/** Hours and minutes on the clinic's own clock. */
function wallText(now: number): string {
  const zone = document.documentElement.dataset["zone"];
  return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", ...(zone ? { timeZone: zone } : {}) }).format(now);
}

function show(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

function tick(root: ParentNode): void {
  const now = serverNow();
  for (const element of root.querySelectorAll<HTMLElement>("[data-since]")) {
    const until = element.dataset["until"] ? Date.parse(element.dataset["until"]) : now;
    show(element, clockText((until - Date.parse(element.dataset["since"] ?? "")) / 1000));
  }
  for (const element of root.querySelectorAll<HTMLElement>("[data-wall-clock]")) {
    show(element, wallText(now));
  }
  for (const element of root.querySelectorAll<HTMLElement>("[data-clock-to]")) {
    const left = (Date.parse(element.dataset["clockTo"] ?? "") - now) / 1000;
    show(element, clockText(Math.abs(left)));
    const box = element.closest<HTMLElement>("[data-when]");
    if (box) box.dataset["when"] = left < 0 ? "late" : "coming";
  }
  for (const element of root.querySelectorAll<HTMLElement>("[data-age]")) {
    // The age the server gave is kept as the moment of measurement once, then only counted.
    element.dataset["measured"] ??= String(now - Number(element.dataset["age"]) * 1000);
    const seconds = (now - Number(element.dataset["measured"])) / 1000;
    show(element, element.dataset["ageWords"] === undefined ? clockText(seconds) : ageWords(seconds));
  }
}

/** Starts every clock of the page; parts that arrive later are found too. */
export function startClocks(root: Document): void {
  hearServerTime(root.body.dataset["now"] ?? "");
  tick(root);
  window.setInterval(() => tick(root), 1000);
  root.addEventListener("htmx:afterSettle", () => tick(root));
}
