import { afterAll, beforeAll } from "vitest";
import { buildOperatorImage, type OperatorImage } from "../../image/operator-image.ts";

/** How long a build may take where nothing of an earlier one is left, in milliseconds. */
export const BUILT_MS = 600_000;

/** Builds the operator's image before the tests of a file. A Docker engine that was started for it stops after them. */
export function builtImage(): Pick<OperatorImage, "tag"> {
  let image: OperatorImage | undefined;
  beforeAll(async () => {
    image = await buildOperatorImage();
  }, BUILT_MS);
  afterAll(() => image?.stop());
  return {
    get tag() {
      if (image === undefined)
        throw new Error("the image is built in beforeAll: read its tag in a test or a later hook");
      return image.tag;
    },
  };
}
