import packageJson from "../../package.json" with { type: "json" };

/** Replaced by the build of the image; undefined in the sources and in the package, which know no commit. */
declare const BUILD_COMMIT: string | undefined;

/** The product's version, from package.json. */
export const VERSION: string = packageJson.version;

/** The commit that this was built from, undefined where nothing says so. */
export const COMMIT: string | undefined = (typeof BUILD_COMMIT === "string" && BUILD_COMMIT) || undefined;
