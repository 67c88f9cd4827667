/** A certificate as the simulated Atlas remembers it, expired ones too. */
export interface IssuedCertificate {
  readonly serialNumber: string;
  readonly username: string;
}

/**
 * Where every certificate went that was ever issued: into a Secret, or into a report that nobody holds it. One that is in
 * neither is lost without a word, and that must not be.
 */
export class Ledger {
  readonly #held = new Set<string>();
  readonly #reported = new Set<string>();

  /** A Secret or a status holds it, or did. */
  hold(serialNumber: string): void {
    this.#held.add(serialNumber);
  }

  /** The operator said that nobody holds it. */
  report(serialNumber: string): void {
    this.#reported.add(serialNumber);
  }

  /** Certificates that the operator said nobody holds. */
  get reported(): number {
    return this.#reported.size;
  }

  /** Certificates that the operator said nobody holds, though somebody does. */
  get falseAlarms(): number {
    return this.#reported.intersection(this.#held).size;
  }

  /** Those of whom nobody knows. */
  unaccounted<C extends Pick<IssuedCertificate, "serialNumber">>(issued: readonly C[]): readonly C[] {
    return issued.filter(({ serialNumber }) => !this.#held.has(serialNumber) && !this.#reported.has(serialNumber));
  }
}
