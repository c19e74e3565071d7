// Names of slices, as evaluator_component/slicing/names.py writes them.

const PART = String.raw`("(?:[^"\\]|\\.)*"|[^,=∈−"]+)`;
const INTERVAL = String.raw`[\[(](?:-?[0-9.e+∞-]+),(?:-?[0-9.e+∞-]+)[\])]`;
const PAIR = new RegExp(`${PART}(?:=${PART}|∈(?:(${INTERVAL})|${PART}))(, |$)`, "y");

export const OVERALL = "Overall";

/** Features and values of a slice; none for Overall, null where the name is not that of one slice. */
export function parseSlice(name: string): [feature: string, value: string][] | null {
  if (name === OVERALL) return [];
  const pairs: [string, string][] = [];
  PAIR.lastIndex = 0;
  for (;;) {
    const match = PAIR.exec(name);
    if (!match) return null;
    pairs.push([unquoted(match[1]), match[2] ?? match[3] ?? match[4]]);
    if (PAIR.lastIndex === name.length && match[5] === "") return pairs;
  }
}

/** The features of a slice as one text: "a × b". */
export function featuresOf(name: string): string | null {
  return parseSlice(name)?.map(([feature]) => feature).join(" × ") ?? null;
}

/** The two slices that a name is the difference of. */
export function parsePair(name: string): [string, string] | null {
  for (let place = name.indexOf(" − "); place >= 0; place = name.indexOf(" − ", place + 1)) {
    const before = name.slice(0, place).replaceAll(/\\./g, "");
    if ((before.split('"').length - 1) % 2 === 0) return [name.slice(0, place), name.slice(place + 3)];
  }
  return null;
}

function unquoted(text: string): string {
  if (text[0] !== '"') return text;
  try {
    return JSON.parse(text) as string;
  } catch {
    return text;
  }
}
