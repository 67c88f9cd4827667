/** The sections of docs/troubleshooting.md, with the blocks that show what `kubectl describe` says. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

const FILE = path.join(import.meta.dirname, "../../../../docs/troubleshooting.md");
/** The line of a block that says which object is described. */
const COMMAND = /(?<=^\$ )kubectl describe .*$/gm;
const BLOCK = /(?<=^```console\n\$ kubectl describe \w+ \S+\n)[\s\S]*?(?=^```$)/m;

/** A kind whose reasons have sections. */
export interface PageKind {
  /** The end of their headings: reasons of several kinds have names in common. */
  readonly suffix: string;
  /** The object that each of them describes, in the words of `kubectl describe`. */
  readonly object: string;
}

export const CERTIFICATE: PageKind = { suffix: "", object: "auc orders-api" };
export const PROJECT: PageKind = { suffix: " (AtlasProjectX509)", object: "apx production" };
export const REMOVAL: PageKind = { suffix: " (AtlasCustomerX509Removal)", object: "acxr production-x7k2p" };
const KINDS = [CERTIFICATE, PROJECT, REMOVAL];

/** A page whose sections of the third level are named by reasons. */
export class TroubleshootingPage {
  readonly #shown = new Map<string, string>();

  /** The headings of the sections about a kind, such as `RoleMissing (AtlasProjectX509)`. */
  headingsOf({ suffix }: PageKind): readonly string[] {
    return headings().filter((heading) => suffixOf(heading) === suffix);
  }

  /** Headings of sections that are about none of the kinds. */
  get strayHeadings(): readonly string[] {
    return headings().filter((heading) => !KINDS.some(({ suffix }) => suffixOf(heading) === suffix));
  }

  /** The text of a section. @throws Error where there is none */
  section(heading: string): string {
    return sections()[indexOf(heading)] ?? "";
  }

  /** The commands whose output the section shows. */
  commands(heading: string): readonly string[] {
    return this.section(heading).match(COMMAND) ?? [];
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

/** Deeper headings count too: a section has none. */
function headings(): readonly string[] {
  return sections().flatMap((section) => /^###+ (.+)$/m.exec(section)?.[1] ?? []);
}

function suffixOf(heading: string): string {
  return / .*$/.exec(heading)?.[0] ?? "";
}

function indexOf(heading: string): number {
  const index = sections().findIndex((section) => section.startsWith(`### ${heading}\n`));
  if (index < 0) throw new Error(`docs/troubleshooting.md has no section ${heading}`);
  return index;
}
