/** The sections of docs/troubleshooting.md, with the blocks that show what `kubectl describe` says. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

const FILE = path.join(import.meta.dirname, "../../../../docs/troubleshooting.md");
const BLOCK = /(?<=^```console\n\$ kubectl describe \w+ \S+\n)[\s\S]*?(?=^```$)/m;

/** A page whose sections of the third level are named by reasons. */
export class TroubleshootingPage {
  readonly #shown = new Map<string, string>();

  /** The headings of the sections, such as `RoleMissing`, or `RoleMissing (AtlasProjectX509)`. */
  get headings(): readonly string[] {
    return sections().flatMap((section) => /^### (.+)$/m.exec(section)?.[1] ?? []);
  }

  /** The text of a section. @throws Error where there is none */
  section(heading: string): string {
    return sections()[indexOf(heading)] ?? "";
  }

  /** What kubectl says there. */
  shown(heading: string): string {
    return (BLOCK.exec(this.section(heading))?.[0] ?? "").trimEnd();
  }

  show(heading: string, described: string): void {
    if (!BLOCK.test(this.section(heading))) throw new Error(`docs/troubleshooting.md: ${heading} shows no kubectl`);
    this.#shown.set(heading, described);
  }

  /** Other tests may have written the sections of other kinds in the meantime. */
  write(): void {
    const all = sections();
    for (const [heading, described] of this.#shown) {
      const index = indexOf(heading);
      all[index] = (all[index] ?? "").replace(BLOCK, () => `${described}\n`);
    }
    writeFileSync(FILE, all.join(""));
  }
}

function sections(): string[] {
  return readFileSync(FILE, "utf8").split(/^(?=##)/m);
}

function indexOf(heading: string): number {
  const index = sections().findIndex((section) => section.startsWith(`### ${heading}\n`));
  if (index < 0) throw new Error(`docs/troubleshooting.md has no section ${heading}`);
  return index;
}
