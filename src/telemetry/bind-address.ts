/** Where a server listens. */
export interface BindAddress {
  /** A name or an IP address, IPv6 without its brackets; undefined for every address of the machine. */
  readonly host: string | undefined;
  /** 0 for any free one. */
  readonly port: number;
}

/** Reads `:8080`, `127.0.0.1:8080`, `localhost:8080` or `[::1]:8080`; undefined where it is none of them. */
export function parseBindAddress(text: string): BindAddress | undefined {
  const groups = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<name>[A-Za-z0-9.-]*)):(?<port>\d{1,5})$/.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const host = groups.v6 ?? groups.name;
  const port = Number(groups.port);
  return port > 65_535 ? undefined : { host: host === "" ? undefined : host, port };
}

export function formatBindAddress({ host, port }: BindAddress): string {
  return `${host?.includes(":") ? `[${host}]` : (host ?? "")}:${port}`;
}
