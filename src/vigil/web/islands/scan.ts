// A keyboard-wedge scanner may be used at any time on a page with a scan field, wherever the cursor stands.
// In: keys that come faster than hands can type, ended by Enter. Out: the scan form, sent.

/** A hand's fastest keys come 60 ms apart or more; a scanner types one each few milliseconds. */
const GAP_MS_MAX = 50;
/** Shorter than any label: a fast double key and Enter is no scan. */
const LETTERS_MIN = 6;
/** What stands between two fields of a GS1 code (ASCII 29); many scanners type it as Ctrl+]. */
const SEPARATOR = "\u001d";

type Typed = HTMLInputElement | HTMLTextAreaElement;

interface Burst {
  text: string;
  last: number;
  field: Typed | null;
  before: string;
}

let burst: Burst | null = null;

document.addEventListener("keydown", (event) => {
  const form = document.querySelector<HTMLFormElement>("form[data-scan]");
  if (!form || event.isComposing) return;
  if (event.key === "Enter" && burst && isScan(burst, event)) {
    event.preventDefault();
    take(form, burst);
    burst = null;
    return;
  }
  const letter = letterOf(event);
  if (letter === "") {
    if (event.key !== "Shift" && event.key !== "Control" && event.key !== "Alt") burst = null;
    return;
  }
  if (letter === SEPARATOR) event.preventDefault();
  const field = typedInto(event.target);
  const goesOn = burst !== null && event.timeStamp - burst.last <= GAP_MS_MAX && burst.field === field;
  if (!goesOn || !burst) burst = { text: "", last: 0, field, before: field?.value ?? "" };
  burst.text += letter;
  burst.last = event.timeStamp;
}, true);

function letterOf(event: KeyboardEvent): string {
  if (event.key === SEPARATOR || (event.ctrlKey && event.key === "]")) return SEPARATOR;
  return event.key.length === 1 && !event.ctrlKey && !event.metaKey ? event.key : "";
}

function typedInto(target: EventTarget | null): Typed | null {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement ? target : null;
}

function isScan(seen: Burst, event: KeyboardEvent): boolean {
  return seen.text.length >= LETTERS_MIN && event.timeStamp - seen.last <= GAP_MS_MAX;
}

/** The field that had the cursor gets back what stood in it; the scan goes where scans belong. */
function take(form: HTMLFormElement, seen: Burst): void {
  const own = form.querySelector<HTMLInputElement>("input#scan");
  if (!own) return;
  if (seen.field && seen.field !== own) seen.field.value = seen.before;
  own.value = seen.text;
  form.requestSubmit();
}
