import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import * as library from "./index.ts";

const LOADED = `
  import { registerHooks } from "node:module";
  const urls = [];
  registerHooks({ load: (url, context, next) => { urls.push(url); return next(url, context); } });
  await import(process.argv[1]);
  console.log(JSON.stringify(urls));
`;

test("the library loads no Kubernetes code and nothing of the operator", async () => {
  const index = new URL("./index.ts", import.meta.url).href;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", LOADED, index]);
  const urls: string[] = JSON.parse(stdout);

  const packages = new Set(urls.flatMap((url) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []));
  expect([...packages].toSorted()).toEqual(["undici", "zod"]);

  const root = new URL(".", import.meta.url).href;
  const ours = urls.filter((url) => url.startsWith(root)).map((url) => url.slice(root.length));
  expect(ours.filter((file) => !/^(?:atlas|certificate)\//.test(file)).toSorted()).toEqual([
    "backoff.ts",
    "clock.ts",
    "deadline.ts",
    "http-dates.ts",
    "index.ts",
    "sensitive-text.ts",
    "wiped-bytes.ts",
  ]);
});

test("the library gives what its users need", () => {
  expect(Object.keys(library).toSorted()).toEqual([
    "AtlasError",
    "AtlasTransport",
    "DEFAULT_BASE_URL",
    "DEFAULT_RATE_LIMITS",
    "Pacer",
    "SensitiveText",
    "X509AuthenticationApi",
    "checkIssued",
    "parseCredentials",
    "readExtraCaFile",
    "readKeyPair",
    "readPemBundle",
    "renewalTime",
  ]);
});
