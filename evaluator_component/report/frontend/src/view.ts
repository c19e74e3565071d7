// What is shown: a flat set of texts, the same as in the address after "#", so that a link keeps it.

import { createContext } from "preact";
import { useContext, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Report } from "./document";
import type { Results } from "./results";

export type Choices = Record<string, string>;

export interface View {
  report: Report;
  results: Results;
  dark: boolean;
  get(name: string, otherwise?: string): string;
  set(choices: Choices): void;
}

export const ViewContext = createContext<View>(null as unknown as View);

export function useView(): View {
  return useContext(ViewContext);
}

/** A list kept in one text. */
export function listOf(text: string): string[] {
  if (!text) return [];
  try {
    const found: unknown = JSON.parse(text);
    return Array.isArray(found) ? [...new Set(found.map(String))] : [];
  } catch {
    return [];
  }
}

/** A number that is kept in a text; otherwise the usual one. */
export function numberOf(text: string, usual: number, least = Number.NEGATIVE_INFINITY): number {
  const number = text.trim() === "" ? Number.NaN : Number(text);
  return Number.isFinite(number) && number >= least ? number : usual;
}

/** The choices, from the address where `linked`, kept there as they change. */
export function useChoices(initial: Choices, linked: boolean): [Choices, (choices: Choices) => void] {
  const [choices, setChoices] = useState<Choices>(() => ({ ...initial, ...(linked ? fromAddress() : {}) }));
  const latest = useRef(choices);
  const set = useMemo(
    () => (changes: Choices) => {
      const turns = "page" in changes && changes.page !== latest.current.page;
      const merged = { ...latest.current, ...changes };
      latest.current = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== ""));
      setChoices(latest.current);
      if (linked) toAddress(latest.current, turns);
    },
    [linked],
  );
  useEffect(() => {
    if (!linked) return undefined;
    const follow = () => {
      latest.current = fromAddress();
      setChoices(latest.current);
    };
    addEventListener("popstate", follow); // also when somebody changes the address
    return () => removeEventListener("popstate", follow);
  }, [linked]);
  return [choices, set];
}

function fromAddress(): Choices {
  return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
}

function toAddress(choices: Choices, turns: boolean): void {
  const address = `#${new URLSearchParams(choices)}`;
  try {
    if (turns) history.pushState(null, "", address); // so that one can go back to the page before
    else history.replaceState(null, "", address);
  } catch {
    // a page without an address of its own, such as one inside a notebook
  }
}

const DARK = "(prefers-color-scheme: dark)";

/** Whether the ground is dark: as chosen, else as the notebook's or the system's. */
export function useDark(theme: string, root: Element): boolean {
  const [system, setSystem] = useState(() => surroundings(root));
  useEffect(() => {
    const media = matchMedia(DARK);
    const follow = () => setSystem(surroundings(root));
    media.addEventListener("change", follow);
    const observer = new MutationObserver(follow);
    observer.observe(document.body, { attributes: true, attributeFilter: ["class", "data-jp-theme-light"] });
    return () => {
      media.removeEventListener("change", follow);
      observer.disconnect();
    };
  }, [root]);
  return theme === "dark" || (theme !== "light" && system);
}

function surroundings(root: Element): boolean {
  const { jpThemeLight } = document.body.dataset;
  if (jpThemeLight !== undefined) return jpThemeLight === "false";
  if (document.body.classList.contains("vscode-dark")) return true;
  if (document.body.classList.contains("vscode-light") || root.closest(".jp-RenderedHTMLCommon")) return false;
  return matchMedia(DARK).matches;
}
