// A form is sent once: its buttons wait until the answer comes. The server's idempotency key is the real guard.

/** Marks a form as sent and holds its buttons. */
function hold(form: HTMLFormElement): void {
  form.setAttribute("aria-busy", "true");
  for (const button of form.querySelectorAll<HTMLButtonElement>("button:not([type=button])")) {
    // Disabled in the next turn, so the pressed button's own value still travels.
    window.setTimeout(() => {
      button.disabled = true;
      button.classList.add("is-sent");
    });
  }
}

function release(root: ParentNode): void {
  for (const form of root.querySelectorAll<HTMLFormElement>("form[aria-busy]")) {
    form.removeAttribute("aria-busy");
    for (const button of form.querySelectorAll<HTMLButtonElement>("button.is-sent")) {
      button.disabled = false;
      button.classList.remove("is-sent");
    }
  }
}

/** Every POST form of the page sends once; coming back to the page frees it again. */
export function sendOnce(root: Document): void {
  root.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.method !== "post") return;
    if (form.hasAttribute("aria-busy")) event.preventDefault();
    else hold(form);
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) release(root);
  });
  root.addEventListener("htmx:afterRequest", () => release(root));
}

/** Buttons that print the page; without this script the browser's own menu prints it. */
export function offerPrint(root: Document): void {
  for (const button of root.querySelectorAll<HTMLButtonElement>("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }
}
