/** The blocks of docs/troubleshooting.md that show what `kubectl describe` says. */
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";

const FILE = path.join(import.meta.dirname, "../../../../docs/troubleshooting.md");
const COMMAND = "$ kubectl describe auc orders-api";
const BLOCK = /(?<=^```console\n\$ kubectl describe auc orders-api(?: {3}# sample values)?\n)[\s\S]*?(?=^```$)/m;

/** A page whose sections of the third level are named by reasons. */
export class TroubleshootingPage {
  readonly #sections: string[];

  private constructor(text: string) {
    this.#sections = text.split(/^(?=##)/m);
  }

  static async read(): Promise<TroubleshootingPage> {
    return new TroubleshootingPage(await readFile(FILE, "utf8"));
  }

  get reasons(): readonly string[] {
    return this.#sections.flatMap((section) => /^### (\w+)$/m.exec(section)?.[1] ?? []);
  }

  /** The text of a section. @throws Error where there is none */
  section(reason: string): string {
    return this.#sections[this.#indexOf(reason)] ?? "";
  }

  /** What kubectl says of this reason. */
  shown(reason: string): string {
    return (BLOCK.exec(this.section(reason))?.[0] ?? "").trimEnd();
  }

  show(reason: string, described: string): void {
    const section = this.section(reason);
    if (!BLOCK.test(section)) throw new Error(`docs/troubleshooting.md: ${reason} lacks a block of "${COMMAND}"`);
    this.#sections[this.#indexOf(reason)] = section.replace(BLOCK, () => `${described}\n`);
  }

  async write(): Promise<void> {
    await writeFile(FILE, this.#sections.join(""));
  }

  #indexOf(reason: string): number {
    const index = this.#sections.findIndex((section) => section.startsWith(`### ${reason}\n`));
    if (index < 0) throw new Error(`docs/troubleshooting.md has no section ${reason}`);
    return index;
  }
}
