const VERSIONED = /^application\/vnd\.atlas\.(\d{4}-\d{2}-\d{2})\+json$/i;

/** The media type of one version of the API. */
export function versionedMediaType(version: string): string {
  return `application/vnd.atlas.${version}+json`;
}

/**
 * Which version of a resource a client gets: the newest that is not newer than the date in its `Accept` header. A
 * resource here has one version, so every later date resolves to it. Undefined where Atlas answers 406: no versioned
 * type in the header, an earlier date, a date that is none, or another format than JSON.
 */
export function negotiateVersion(accept: string | undefined, version: string): string | undefined {
  for (const range of (accept ?? "").split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
    const refused = parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
    const asked = VERSIONED.exec(type)?.[1];
    if (asked !== undefined && !refused && isDate(asked) && asked >= version) return version;
  }
  return undefined;
}

/** Whether a request's body may have this content type: JSON, versioned or plain. */
export function isJsonContentType(contentType: string | undefined): boolean {
  const type = (contentType ?? "").split(";")[0]?.trim() ?? "";
  return type.toLowerCase() === "application/json" || isDate(VERSIONED.exec(type)?.[1] ?? "");
}

function isDate(text: string): boolean {
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}
