// The document that a page or a notebook is given: what is known as JSON, and tables as Arrow, packed.

import { tableFromIPC, type Table } from "@uwdata/flechette";

export interface Verdict {
  blessed: boolean;
  stamp: string;
  headline: string;
  tally: string;
  reasons: string[];
  more_reasons: number;
  notices: string[];
  rubber_stamp: boolean;
  counts: Record<string, number>;
  policy: Record<string, unknown>;
  families: Record<string, unknown>[];
  baseline: Record<string, unknown>;
}

export interface Version {
  label: string;
  time: string | null;
  blessed: boolean | null;
  summary: string;
  model: string;
  output: string;
  examples: number | null;
}

export interface Meta {
  kind: "evaluation" | "history";
  title: string;
  candidate: string;
  baseline: string | null;
  splits: string[];
  level: number | null;
  verdict: Verdict | null;
  subjects: [string, string][];
  run: Record<string, unknown>;
  config: string;
  classes: Record<string, string[]>;
  left_out: { slices: number; checks: number; plots: number };
  versions: Version[];
  notices: string[];
  state: Record<string, unknown>;
}

export type Texts = (string | null)[];

/** A table by column; a column that is not there is made of what stands for nothing. */
export class Columns {
  constructor(
    private readonly table: Table | null,
    readonly length = table?.numRows ?? 0,
  ) {}

  has(name: string): boolean {
    return this.table?.getChild(name) != null;
  }

  /** Numbers, NaN where there is none. */
  numbers(name: string): Float64Array {
    const found = new Float64Array(this.length);
    const column = this.table?.getChild(name);
    if (!column) return found.fill(Number.NaN);
    const values = column.toArray() as ArrayLike<number | bigint | null>;
    for (let i = 0; i < this.length; i++) {
      const value = values[i];
      found[i] = value === null ? Number.NaN : Number(value);
    }
    return found;
  }

  /** Texts, null where there is none. */
  texts(name: string): Texts {
    const column = this.table?.getChild(name);
    return column ? (column.toArray() as Texts) : new Array<null>(this.length).fill(null);
  }

  /** Yes or no. */
  flags(name: string): boolean[] {
    const column = this.table?.getChild(name);
    return column ? Array.from(column.toArray() as Iterable<boolean>) : new Array<boolean>(this.length).fill(false);
  }
}

export interface Report {
  meta: Meta;
  metrics: Columns;
  checks: Columns;
  plots: Columns;
  history: Columns;
}

/** Unpacks a document. */
export async function unpack(text: string): Promise<Report> {
  const { meta, tables } = JSON.parse(text) as { meta: Meta; tables: Record<string, string> };
  const read = async (name: string) => new Columns(tables[name] ? await unpackTable(tables[name]) : null);
  const [metrics, checks, plots, history] = await Promise.all(["metrics", "checks", "plots", "history"].map(read));
  return { meta, metrics, checks, plots, history };
}

async function unpackTable(packed: string): Promise<Table> {
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return tableFromIPC(await new Response(stream).arrayBuffer(), { useBigInt: false });
}
