import { defineConfig } from "vitest/config";

/** `make e2e`: one story on a real node, step after step. */
export default defineConfig({
  test: {
    name: "e2e",
    include: ["test/e2e/**/*.test.ts"],
    globalSetup: ["test/e2e/global-setup.ts"],
    reporters: ["verbose", "./test/running-line.ts", ...(process.env.CI ? ["./test/closing-line.ts"] : [])],
    fileParallelism: false,
    // Each step stands on those before it.
    bail: 1,
    testTimeout: 240_000,
    hookTimeout: 60_000,
  },
});
