// The part of undici that the operator uses. The whole package, with fetch, WebSocket and caches, takes twice the memory.
Object.assign(require("undici/lib/dispatcher/dispatcher.js").prototype, require("undici/lib/api/index.js"));
exports.buildConnector = require("undici/lib/core/connect.js");
exports.EnvHttpProxyAgent = require("undici/lib/dispatcher/env-http-proxy-agent.js");
exports.Pool = require("undici/lib/dispatcher/pool.js");
