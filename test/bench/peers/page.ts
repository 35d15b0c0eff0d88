// docs/speed.md: an introduction and a section for each processor. A run replaces its own section and no other.

const INTRODUCTION = `# Speed

wkv beside llama.cpp, as a native build and compiled to WebAssembly (wllama, @fugood/node-llama-wasm): the same file, the
same prompt, one run. The numbers belong to the machine; the ratios are the point. Each processor has a section, measured at
its own time with what was there then: its last table says what.
`;

/** The page with a processor's section in the place of the one before, or at the end. */
export function withSection(page: string | undefined, processor: string, section: string): string {
  const [introduction = INTRODUCTION, ...sections] = page?.split(/^(?=## )/m) ?? [];
  const isOld = (text: string) => text.startsWith(`## ${processor}\n`);
  const text = `${section}\n`;
  const all = sections.some(isOld) ? sections.map((old) => (isOld(old) ? text : old)) : [...sections, text];
  return [introduction, ...all]
    .map((part) => part.trimEnd())
    .join("\n\n")
    .concat("\n");
}

/** A file's name for the chart. */
export function pictureOf(processor: string): string {
  return `speed-${processor
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")}.svg`;
}
