import type { SensitiveText } from "../../sensitive-text.ts";

/**
 * Takes secrets that this client holds out of a text that it received: as they are, encoded for a form, and in base64,
 * where they may stand alone or inside something longer (`id:secret`).
 */
export function conceal(text: string, secrets: readonly SensitiveText[]): string {
  return secrets
    .flatMap((secret) => formsOf(secret.reveal()))
    .reduce((rest, form) => (form === "" ? rest : rest.replaceAll(form, "[redacted]")), text);
}

function formsOf(secret: string): readonly string[] {
  const base64 = [0, 1, 2].flatMap((bytesBefore) => {
    const text = base64Within(secret, bytesBefore);
    return [text, text.replaceAll("+", "-").replaceAll("/", "_")];
  });
  return [secret, new URLSearchParams({ v: secret }).toString().slice("v=".length), ...base64];
}

/** The base64 characters that depend on the secret alone when so many bytes stand in front of it. */
function base64Within(secret: string, bytesBefore: number): string {
  const bytes = Buffer.concat([Buffer.alloc(bytesBefore), Buffer.from(secret, "utf8")]);
  const from = Math.ceil((bytesBefore * 8) / 6);
  const to = Math.floor((bytes.length * 8) / 6);
  return bytes.toString("base64").slice(from, to);
}
