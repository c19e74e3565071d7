// Small controls that the pages share.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { count, short } from "../format";
import { parsePair } from "../names";
import type { Series } from "../results";
import { numberOf, useView } from "../view";

/** An id that no other widget of a notebook has. */
export function useOwnId(): string {
  return useState(() => `evc-${Math.random().toString(36).slice(2)}`)[0];
}

export function Field({ label, children }: { label: string; children: (id: string) => ComponentChildren }) {
  const id = useOwnId();
  return (
    <span class="evc-field">
      <label for={id}>{label}</label>
      {children(id)}
    </span>
  );
}

interface SelectProps {
  label: string;
  value: string;
  options: (string | [value: string, label: string])[];
  onChange: (value: string) => void;
}

export function Select({ label, value, options, onChange }: SelectProps) {
  return (
    <Field label={label}>
      {(id) => (
        <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
          {options.map((option) => {
            const [own, text] = typeof option === "string" ? [option, option] : option;
            return (
              <option key={own} value={own}>
                {text}
              </option>
            );
          })}
        </select>
      )}
    </Field>
  );
}

/** Smaller slices are left out, unless asked for. */
export const LEAST = 100;
const STEPS = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7];

/** How many examples a slice must have, up to the size of the largest. */
export function LeastExamples({ largest }: { largest: number }) {
  const view = useView();
  const least = numberOf(view.get("min"), LEAST, 0);
  const steps = STEPS.filter((_, i) => !i || STEPS[i - 1] < largest);
  return (
    <Field label={`At least ${count(least)} examples`}>
      {(id) => (
        <input
          id={id}
          type="range"
          min={0}
          max={steps.length - 1}
          step={1}
          value={steps.filter((step) => step <= least).length - 1}
          aria-valuetext={`${count(least)} examples`}
          onInput={(event) => view.set({ min: String(steps[Number(event.currentTarget.value)]) })}
        />
      )}
    </Field>
  );
}

/** A text field that tells its value a moment after the last key. */
export function Find({ label, value, placeholder, list, onChange }: { label: string; value: string; placeholder?: string; list?: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return undefined;
    const timer = setTimeout(() => onChange(text), 120);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <Field label={label}>
      {(id) => <input id={id} type="search" value={text} list={list} placeholder={placeholder} onInput={(event) => setText(event.currentTarget.value)} />}
    </Field>
  );
}

export function Check({ label, checked, onChange }: { label: string; checked: boolean; onChange: (checked: boolean) => void }) {
  const id = useOwnId();
  return (
    <span class="evc-field evc-check">
      <input id={id} type="checkbox" checked={checked} onChange={(event) => onChange(event.currentTarget.checked)} />
      <label for={id}>{label}</label>
    </span>
  );
}

/** Which split is shown, where there are several. */
export function SplitSelect() {
  const view = useView();
  const { splits } = view.report.meta;
  if (splits.length < 2) return null;
  return <Select label="Split" value={splitOf(view)} options={splits.map((one) => [one, one === "*" ? "all splits" : one])} onChange={(split) => view.set({ split })} />;
}

export function splitOf(view: { report: { meta: { splits: string[] } }; get: (name: string) => string }): string {
  const { splits } = view.report.meta;
  const asked = view.get("split");
  return splits.includes(asked) ? asked : (splits[0] ?? "");
}

/** The results that can be chosen, without numbers of examples unless there is nothing else. */
export function choosable(series: Series[]): Series[] {
  const telling = series.filter((one) => one.metric !== "example_count" && one.metric !== "weighted_example_count");
  return telling.length ? telling : series;
}

/** The series that the words of a choice mean: its key, its label or its metric. */
export function seriesOf(options: Series[], asked: string): Series | undefined {
  return (
    options.find((one) => one.key === asked) ??
    options.find((one) => one.label === asked) ??
    options.find((one) => one.metric === asked) ??
    options.find((one) => one.metric === "auc") ??
    options.find((one) => one.direction !== null) ??
    options[0]
  );
}

export function MetricSelect({ options, series, name = "metric" }: { options: Series[]; series: Series; name?: string }) {
  const view = useView();
  return <Select label="Metric" value={series.key} options={options.map((one) => [one.key, one.label])} onChange={(key) => view.set({ [name]: key, low: "", high: "" })} />;
}

/** Whether each word of a text is found in a name, whatever the case. */
export function finder(text: string): (name: string) => boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return (name) => {
    const lower = name.toLowerCase();
    return words.every((word) => lower.includes(word));
  };
}

/** Text of the data, with its direction apart from that of the page. */
export function Name({ text, most }: { text: string; most?: number }) {
  const pair = parsePair(most ? short(text, most) : text);
  const parts = pair ?? [most ? short(text, most) : text];
  return (
    <span class="evc-name">
      {parts.map((part, i) => (
        <>
          {i > 0 && " − "}
          <bdi>{visible(part)}</bdi>
        </>
      ))}
    </span>
  );
}

/** Text in which control characters can be seen. */
export function visible(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f]/g, (character) => String.fromCodePoint(0x2400 + (character === "\u007f" ? 0x21 : character.charCodeAt(0))));
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="evc-empty">{children}</p>;
}
