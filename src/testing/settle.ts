/** Lets everything that is ready to run do so: promises, and callbacks of input and output that have arrived. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/**
 * Waits for real input and output (a local connection) to bring something about. Fails after ten real seconds, which
 * only a broken test reaches.
 */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const giveUpAt = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > giveUpAt) {
      throw new Error(`waited in vain until ${what}`);
    }
    await settle();
  }
}
