// Keys that are pressed in a report are for the report, in JupyterLab too.

/**
 * Keeps keys without Ctrl, Alt or Meta from being JupyterLab's shortcuts while the focus is inside of an element: there
 * an arrow would leave the cell instead of moving a slider, and D twice would delete it. Ctrl+S still saves the notebook.
 */
export function keepKeys(root: Element): () => void {
  const mark = (event: KeyboardEvent) => {
    const { target } = event;
    if (!(target instanceof Element && root.contains(target))) return;
    target.toggleAttribute("data-lm-suppress-shortcuts", !(event.ctrlKey || event.altKey || event.metaKey));
  };
  window.addEventListener("keydown", mark, true); // before JupyterLab, which listens to the document
  return () => window.removeEventListener("keydown", mark, true);
}
