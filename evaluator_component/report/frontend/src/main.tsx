// Shows a document in a page of its own, or as a widget in a notebook.

import { Component, type ComponentChildren, render as renderInto } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { type Report, unpack } from "./document";
import { keepKeys } from "./keys";
import { FairnessPage } from "./pages/fairness";
import { HistoryPage } from "./pages/history";
import { PlotsPage } from "./pages/plots";
import { RunPage } from "./pages/run";
import { SlicesPage } from "./pages/slices";
import { VerdictPage } from "./pages/verdict";
import { Results } from "./results";
import "./report.css";
import { type Choices, useChoices, useDark, type View, ViewContext } from "./view";

const PAGES: [name: string, title: string, page: () => ComponentChildren][] = [
  ["verdict", "Verdict", VerdictPage],
  ["slices", "Slices", SlicesPage],
  ["plots", "Plots", PlotsPage],
  ["fairness", "Fairness", FairnessPage],
  ["run", "Run", RunPage],
];
const THEMES = ["", "light", "dark"];

function App({ report, linked, root, theme: asked }: Omit<Shown, "text"> & { report: Report }) {
  const initial = useMemo(() => choicesOf({ ...report.meta.state, ...(asked === "light" || asked === "dark" ? { theme: asked } : {}) }), [report]);
  const [choices, set] = useChoices(initial, linked);
  const theme = choices.theme ?? "";
  const dark = useDark(theme, root);
  const results = useMemo(() => new Results(report.metrics, report.meta), [report]);
  const view = useMemo<View>(() => ({ report, results, dark, set, get: (name, otherwise = "") => choices[name] ?? otherwise }), [report, results, dark, choices, set]);
  useEffect(() => {
    root.classList.toggle("evc-dark", dark);
  }, [dark, root]);
  const pages = report.meta.kind === "history" ? ([["history", "History", HistoryPage]] as typeof PAGES) : PAGES;
  const [name, , Page] = pages.find(([one]) => one === choices.page) ?? pages[0];
  return (
    <ViewContext.Provider value={view}>
      <nav class="evc-nav" aria-label="Pages">
        <ul>
          {pages.map(([one, title]) => (
            <li key={one}>
              <a
                href={`#page=${one}`}
                aria-current={one === name ? "page" : undefined}
                onClick={(event) => {
                  event.preventDefault();
                  set({ page: one });
                }}
              >
                {title}
              </a>
            </li>
          ))}
        </ul>
        <button type="button" onClick={() => set({ theme: THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] })}>
          Colours: {theme || "system"}
        </button>
      </nav>
      <main>
        <Fence key={name}>
          <Page />
        </Fence>
      </main>
    </ViewContext.Provider>
  );
}

/** Keeps a page that fails from taking the others with it. */
class Fence extends Component<{ children: ComponentChildren }, { error: unknown }> {
  state: { error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  componentDidCatch(error: unknown) {
    console.error(error);
  }

  render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return <p class="evc-empty">This page cannot be shown: {String(error)}. The files of the evaluation hold everything.</p>;
  }
}

function choicesOf(state: Record<string, unknown>): Choices {
  return Object.fromEntries(
    Object.entries(state ?? {})
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
  );
}

function Start({ text, linked, root, theme }: Shown) {
  const [found, setFound] = useState<Report | string>("");
  useEffect(() => {
    unpack(text).then(setFound, (error: unknown) => setFound(`The report cannot be read: ${String(error)}`));
  }, [text]);
  return typeof found === "string" ? <p class="evc-empty">{found || "Loading …"}</p> : <App report={found} linked={linked} root={root} theme={theme} />;
}

interface Shown {
  text: string;
  /** Whether the choices are kept in the page's address. */
  linked: boolean;
  root: Element;
  /** "light" or "dark"; else as the surroundings are. */
  theme?: string;
}

/** Shows a document inside of an element. */
export function mount({ root, ...shown }: Shown): () => void {
  root.classList.add("evc");
  root.replaceChildren();
  renderInto(<Start root={root} {...shown} />, root);
  return () => renderInto(null, root);
}

interface Model {
  get(name: "document" | "theme"): string;
  on(event: string, listener: () => void): void;
  off(event: string, listener: () => void): void;
}

/** The widget's entry. */
function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const root = document.createElement("div");
  el.append(root);
  const show = () => mount({ root, text: model.get("document"), linked: false, theme: model.get("theme") });
  const release = keepKeys(root);
  let unmount = show();
  const again = () => {
    unmount();
    unmount = show();
  };
  model.on("change:document", again);
  model.on("change:theme", again);
  return () => {
    model.off("change:document", again);
    model.off("change:theme", again);
    release();
    unmount();
  };
}

export default { render };

const page = document.getElementById("evaluator-report");
const source = document.getElementById("evaluator-document");
if (page && source) mount({ root: page, text: source.textContent ?? "", linked: true });
