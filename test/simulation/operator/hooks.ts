import { registerHooks } from "node:module";

/**
 * To be imported before the product. Two parts of it then get another node:crypto: what reads certificates, because
 * OpenSSL would take most of the time, and what makes up random names, because a seed must give the same run again.
 */
registerHooks({
  resolve(specifier, context, next) {
    const isReplaced =
      specifier === "node:crypto" && /\/src\/(certificate|controllers)\//.test(context.parentURL ?? "");
    return next(isReplaced ? new URL("quick-crypto.ts", import.meta.url).href : specifier, context);
  },
});
