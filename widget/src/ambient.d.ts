declare module "*.css" {
  const text: string;
  export default text;
}

declare module "words:loader" {
  const labels: Record<string, string[]>;
  export default labels;
}

declare module "words:first" {
  const loads: Record<string, () => Promise<import("./words").Table>>;
  export default loads;
}
