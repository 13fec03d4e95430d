// Native dialogs open by the `command` attributes of HTML itself; here only for browsers that do not know them yet.

function target(button: HTMLButtonElement): HTMLDialogElement | undefined {
  const found = document.getElementById(button.getAttribute("commandfor") ?? "");
  return found instanceof HTMLDialogElement ? found : undefined;
}

/** Buttons with `command` and `commandfor` open and close their dialog; a refused form's dialog opens again. */
export function openDialogs(root: Document): void {
  for (const dialog of root.querySelectorAll<HTMLDialogElement>("dialog[data-open]")) dialog.showModal();
  if ("command" in HTMLButtonElement.prototype) return;
  root.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLButtonElement>("button[commandfor]");
    const dialog = button ? target(button) : undefined;
    if (!button || !dialog) return;
    if (button.getAttribute("command") === "close") dialog.close();
    else dialog.showModal();
  });
}
