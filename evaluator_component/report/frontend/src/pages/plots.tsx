// Plots of slices and models: curves, calibration, scores, and the confusion matrix at a movable threshold.

import { useMemo } from "preact/hooks";
import { Plots } from "../curves";
import { count } from "../format";
import { OVERALL } from "../names";
import { Empty, Find, Name, Select, splitOf, SplitSelect, useOwnId } from "../parts/controls";
import { Curves, Distribution, Legend } from "../parts/curves";
import { Classes, Matrices } from "../parts/matrices";
import { listOf, useView } from "../view";
import { examplesOf } from "./overall";

export function PlotsPage() {
  const view = useView();
  const { results } = view;
  const split = splitOf(view);
  const plots = usePlots();
  const list = useOwnId();
  const known = plots.slices(split);
  const slices = listOf(view.get("slices")).filter((name) => known.includes(name));
  const shown = slices.length ? slices : known.includes(OVERALL) ? [OVERALL] : known.slice(0, 1);
  const asked = view.get("add");
  const missing = [...listOf(view.get("slices")), ...(asked ? [asked] : [])].filter((name) => !known.includes(name));
  const { left_out } = view.report.meta;
  if (!known.length) return <NoPlots />;
  const show = (names: string[]) => view.set({ slices: names.length ? JSON.stringify(names) : "", add: "" });
  return (
    <>
      <h1 class="evc-hidden">Plots</h1>
      <div class="evc-controls">
        <SplitSelect />
        <Find
          label="Add a slice"
          value={asked}
          list={list}
          placeholder={`${count(known.length)} slices have plots`}
          onChange={(name) => (known.includes(name) ? show([...new Set([...shown, name])]) : view.set({ add: name }))}
        />
        <datalist id={list}>
          {known.slice(0, 1000).map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        {shown.map((name) => (
          <span class="evc-chip" key={name}>
            <Name text={name} /> <small>{count(examplesOf(view, name))}</small>
            {shown.length > 1 && (
              <button type="button" aria-label={`Remove ${name}`} onClick={() => show(shown.filter((one) => one !== name))}>
                ×
              </button>
            )}
          </span>
        ))}
      </div>
      {missing.map((name) => (
        <p class="evc-quiet" key={name}>
          {results.idOf(name) < 0 ? (
            <>
              This page has no slice <code>{name}</code>.
            </>
          ) : (
            <>
              <Name text={name} /> has metrics but no plots here: they are made for the largest slices (engine.max_plot_slices).
            </>
          )}
        </p>
      ))}
      {left_out.plots > 0 && <p class="evc-quiet">Plots of {count(left_out.plots)} smaller slices are not in this page; plots.parquet has all.</p>}
      <PlotsOf slices={shown} />
    </>
  );
}

function NoPlots() {
  return (
    <Empty>
      No plots were asked for. Add <code>{"{class_name: ConfusionMatrixPlot}"}</code> or <code>{"{class_name: CalibrationPlot}"}</code> to the metrics of the config
      and evaluate again.
    </Empty>
  );
}

function usePlots(): Plots {
  const { report } = useView();
  return useMemo(() => new Plots(report.plots), [report]);
}

/** All plots of some slices, candidate over baseline. */
export function PlotsOf({ slices }: { slices: string[] }) {
  const view = useView();
  const plots = usePlots();
  const split = splitOf(view);
  const subjects = plots.subjects(split);
  const { candidate, baseline } = view.report.meta;
  const words = ({ output, subKey }: { output: string; subKey: string }) => [output, subKey].filter(Boolean).join(", ") || "the prediction";
  const subject = subjects.find((one) => words(one) === view.get("of")) ?? subjects[0];
  const models = baseline ? [candidate, baseline] : [candidate];
  const drawn = useMemo(
    () => (subject ? slices.flatMap((slice) => models.map((model) => plots.of(split, slice, model, subject.output, subject.subKey)).filter((one) => one !== null)) : []),
    [plots, split, slices.join("\n"), subject && words(subject)],
  );
  if (!subject) return <NoPlots />;
  return (
    <>
      {subjects.length > 1 && (
        <div class="evc-controls">
          <Select label="Of" value={words(subject)} options={subjects.map(words)} onChange={(of) => view.set({ of })} />
        </div>
      )}
      {drawn.length > 0 && <Legend drawn={drawn} />}
      <div class="evc-figures">
        <Curves drawn={drawn} />
        <Distribution drawn={drawn} />
      </div>
      <Matrices drawn={drawn} />
      {slices.slice(0, 2).map((slice) => (
        <Classes key={slice} slice={slice} cells={plots.cells(split, slice, candidate, subject.output)} output={subject.output} />
      ))}
      {!drawn.length && !slices.some((slice) => plots.cells(split, slice, candidate, subject.output).length) && <Empty>There are no plots of these slices.</Empty>}
    </>
  );
}
