// How an evaluation came about: config, inputs, versions, timings, warnings.

import type { ComponentChildren } from "preact";
import { number } from "../format";
import { useView } from "../view";

const FIRST = ["notices", "warnings", "models", "data", "examples", "seconds", "timings", "versions"];

export function RunPage() {
  const { report } = useView();
  const { run, config } = report.meta;
  const keys = Object.keys(run).sort((a, b) => place(a) - place(b));
  return (
    <>
      <h1 class="evc-hidden">Run</h1>
      {keys.map((key) => (
        <section key={key}>
          <h2>{key.replaceAll("_", " ")}</h2>
          <Tree value={run[key]} />
        </section>
      ))}
      {config && (
        <section>
          <h2>config</h2>
          <pre class="evc-config" tabIndex={0}>
            {config}
          </pre>
        </section>
      )}
    </>
  );
}

function place(key: string): number {
  const found = FIRST.indexOf(key);
  return found < 0 ? FIRST.length : found;
}

function Tree({ value }: { value: unknown }): ComponentChildren {
  if (value === null || value === undefined || value === "" || (Array.isArray(value) && !value.length)) return <p class="evc-quiet">none</p>;
  if (Array.isArray(value)) {
    const list = (
      <ul>
        {value.map((part, i) => (
          <li key={i}>
            <Tree value={part} />
          </li>
        ))}
      </ul>
    );
    if (value.length <= 10) return list;
    return (
      <details>
        <summary>{value.length} entries</summary>
        {list}
      </details>
    );
  }
  if (typeof value === "object") {
    return (
      <dl class="evc-run">
        {Object.entries(value).map(([key, part]) => (
          <div key={key}>
            <dt>{key.replaceAll("_", " ")}</dt>
            <dd>
              <Tree value={part} />
            </dd>
          </div>
        ))}
      </dl>
    );
  }
  if (typeof value === "number") return <>{Number.isInteger(value) ? value.toLocaleString("en") : number(value)}</>;
  if (typeof value === "boolean") return <>{value ? "yes" : "no"}</>;
  return <>{String(value)}</>;
}
