import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // Most of the time tests wait, for an API server or a time to pass: one core has room for another file. Where fewer
    // cores are, Vitest's own default leaves one idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    reporters: [
      "default",
      "./test/fault-table.ts",
      "./test/isolation-table.ts",
      ...(process.env.CI ? ["./test/closing-line.ts"] : []),
    ],
    coverage: {
      include: ["src/{atlas,controllers,kube}/**"],
      exclude: ["**/testing/**", "**/*.test.ts"],
      // Files that are covered whole are left out.
      reporter: [["text", { skipFull: true }]],
      thresholds: {
        // A branch without a test is a create too many.
        "src/atlas/**": { branches: 97 },
        "src/controllers/*/core/**": { branches: 98 },
        "src/controllers/*/cluster/**": { branches: 94 },
        "src/kube/**": { branches: 94 },
      },
    },
    projects: [
      {
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "test/*.test.ts", "test/control-plane/*.test.ts", "test/bench/*.test.ts"],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          // Hours of simulated time, each run in a process of its own.
          name: "simulation",
          include: ["test/simulation/**/*.test.ts"],
          testTimeout: 300_000,
        },
      },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          globalSetup: ["test/control-plane/global-setup.ts"],
          testTimeout: 90_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          // What counts on a control plane that nobody else uses: runs when the others are over, file after file.
          name: "alone",
          include: ["test/alone/**/*.test.ts"],
          globalSetup: ["test/control-plane/global-setup.ts"],
          testTimeout: 90_000,
          fileParallelism: false,
          // Testcontainers' own way to clean up is an image that can't be pulled everywhere.
          env: { TESTCONTAINERS_RYUK_DISABLED: "true" },
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          // Attacks of one tenant on another, one at a time: the victim's times count.
          name: "isolation",
          include: ["test/isolation/**/*.test.ts"],
          globalSetup: ["test/control-plane/global-setup.ts", "test/isolation/global-setup.ts"],
          testTimeout: 120_000 * Number(process.env.ISOLATION_SCALE ?? 1),
          hookTimeout: 60_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          // Real drivers while a certificate of seconds expires: when the others are over.
          name: "drivers",
          include: ["test/drivers/**/*.test.ts"],
          testTimeout: 60_000,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
