import packageJson from "../../package.json" with { type: "json" };

/** What the image's build puts in for this name; the sources and the package know no commit. */
declare const BUILD_COMMIT: string | undefined;

/** The product's version, from package.json. */
export const VERSION: string = packageJson.version;

/** The commit that this was built from, undefined where nothing says so. */
export const COMMIT: string | undefined = (typeof BUILD_COMMIT === "string" && BUILD_COMMIT) || undefined;
