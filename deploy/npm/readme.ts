/** The library's section of README.md. */
const HEADING = "As a library";

/**
 * The README of the library's package: the section of the repository's README, as a page of its own.
 *
 * @throws Error where there is no such section
 */
export function libraryReadme(readme: string): string {
  const section = readme.split(/^## /m).find((text) => text.startsWith(`${HEADING}\n`));
  if (section === undefined) throw new Error(`README.md has no section "${HEADING}"`);
  return `# atlas-x509\n${section.slice(HEADING.length + 1).replaceAll(/^###/gm, "##")}`;
}
