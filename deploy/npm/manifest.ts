import packageJson from "../../package.json" with { type: "json" };

/** The oldest Node that the library runs on: the first with `tls.getCACertificates`. */
export const OLDEST_NODE = "22.15.0";

const { version, license, repository, homepage, bugs, dependencies, devDependencies } = packageJson;

/** Any later version that keeps its promises; the product itself is tested with exactly these. */
const compatible = (exact: string) => `^${exact}`;

/** What the subpath `atlas-x509/simulator` needs, and the client does not. */
const SIMULATOR_PEERS = {
  "@peculiar/x509": compatible(dependencies["@peculiar/x509"]),
  ky: compatible(devDependencies.ky),
  "reflect-metadata": compatible(dependencies["reflect-metadata"]),
};

/** The package.json of the library. */
export const MANIFEST = {
  name: "atlas-x509",
  version,
  description: "Issues and lists X.509 certificates of MongoDB Atlas database users, and simulates Atlas in tests",
  keywords: ["mongodb", "atlas", "x509", "certificate"],
  license,
  repository,
  homepage,
  bugs,
  type: "module",
  engines: { node: `>=${OLDEST_NODE.replace(/\.0$/, "")}` },
  exports: {
    ".": { types: "./src/index.d.ts", default: "./src/index.js" },
    "./simulator": { types: "./src/simulator/index.d.ts", default: "./src/simulator/index.js" },
    "./package.json": "./package.json",
  },
  files: ["src"],
  dependencies: { undici: compatible(dependencies.undici), zod: compatible(dependencies.zod) },
  peerDependencies: SIMULATOR_PEERS,
  peerDependenciesMeta: Object.fromEntries(Object.keys(SIMULATOR_PEERS).map((name) => [name, { optional: true }])),
} as const;
