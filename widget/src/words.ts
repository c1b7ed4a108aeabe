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
  /** Give a sentence as it stands in the table: one that counts is its forms, by CLDR's category. */
  line(line: string | number): Line;
  /** Add a further table behind the first. */
  learn(more: Lines): void;
}

type Values = Record<string, string | number>;

export function speak(table: Spoken): Words {
  let lines = table.lines;
  const line = (line: string | number) => (typeof line === "string" ? line : lines[line]!);
  return {
    tag: table.tag,
    dir: table.dir,
    line,
    say: (sentence, values) => fill(line(sentence) as string, values),
    learn: (more) => void (lines = table.lines.concat(more.lines)),
  };
}

// A replacement function, since "$&" in a name would mean something to a replacement text.
function fill(text: string, values: Values = {}): string {
  return text.replace(/%\((\w+)\)s/g, (_, name: string) => String(values[name]));
}
