/** Small changes of one file, each of which its tests have to notice. */
export interface MutatedFile {
  /** Relative to src. */
  readonly file: string;
  /** The test files that have to notice, relative to src: few, so that each mutant takes seconds. */
  readonly tests: readonly string[];
  readonly mutants: readonly {
    /** What goes wrong with it. */
    readonly why: string;
    /** Stands in the file exactly once. */
    readonly search: string;
    readonly replacement: string;
    /** @default those of the file */
    readonly tests?: readonly string[];
  }[];
}
