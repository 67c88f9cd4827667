import { readFile } from "node:fs/promises";
import path from "node:path";
import { LuaFactory } from "wasmoon";
import { z } from "zod";

const SCRIPT = path.join(import.meta.dirname, "../../deploy/samples/gitops/argo-cd/health.lua");

const healthSchema = z.object({
  status: z.enum(["Healthy", "Progressing", "Degraded", "Suspended"]),
  message: z.string().min(1),
});

const terminatingSchema = z.object({ metadata: z.object({ deletionTimestamp: z.string() }) });

/** The health of an object as the API server returned it. @throws Error where the script fails or returns something else */
export async function argoHealth(object: unknown): Promise<z.output<typeof healthSchema>> {
  // Argo CD asks no script about such an object.
  if (terminatingSchema.safeParse(object).success) return { status: "Progressing", message: "Pending deletion" };
  const lua = await new LuaFactory().createEngine({ enableProxy: false });
  try {
    lua.global.set("obj", object);
    return healthSchema.parse(await lua.doString(await readFile(SCRIPT, "utf8")));
  } finally {
    lua.global.close();
  }
}
