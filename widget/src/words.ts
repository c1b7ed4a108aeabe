// Sentences of one language. The sources write them in English; a build turns each into its place in the table, and a
// unit test, which is not built, reads the English.

export type Line = string | Record<string, string>;

export interface Lines {
  lines: Line[];
}

/** One language. */
export interface Spoken extends Lines {
  tag: string;
  dir: string;
}

/** One language as the build writes it; `more` loads what the panels say besides. */
export interface Table extends Spoken {
  more(): Promise<Lines>;
}

export interface Words {
  tag: string;
  dir: string;
  /** Give a sentence; `%(name)s` in it becomes the value of that name. */
  say(line: string | number, values?: Values): string;
  /** Give the form that goes with `n`; `%(n)s` is `n`. */
  count(one: string | number, many: string | number, n: number): string;
  /** Add a further table behind the first. */
  learn(more: Lines): void;
}

type Values = Record<string, string | number>;

export function speak(table: Spoken): Words {
  let lines = table.lines;
  const rule = new Intl.PluralRules(table.tag);
  return {
    tag: table.tag,
    dir: table.dir,
    say: (line, values = {}) => fill(typeof line === "string" ? line : (lines[line] as string), values),
    count(one, many, n) {
      const forms = typeof one === "string" ? { one, other: String(many) } : (lines[one] as Record<string, string>);
      return fill(forms[rule.select(n)] ?? forms.other!, { n });
    },
    learn: (more) => void (lines = table.lines.concat(more.lines)),
  };
}

// A replacement function, since "$&" in a name would mean something to a replacement text.
function fill(text: string, values: Values): string {
  return text.replace(/%\((\w+)\)s/g, (_, name: string) => String(values[name]));
}
