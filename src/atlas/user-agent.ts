import packageJson from "../../package.json" with { type: "json" };

/** What every request says of its sender: product and version. */
export const USER_AGENT = `${packageJson.name}/${packageJson.version}`;
