import { expect, test } from "vitest";
import { formatBindAddress, parseBindAddress } from "./bind-address.ts";

test.each([
  [":8080", { host: undefined, port: 8080 }],
  ["127.0.0.1:0", { host: "127.0.0.1", port: 0 }],
  ["localhost:65535", { host: "localhost", port: 65_535 }],
  ["[::1]:8080", { host: "::1", port: 8080 }],
])("reads %s, and writes it again", (text, address) => {
  expect(parseBindAddress(text)).toEqual(address);
  expect(formatBindAddress(address)).toBe(text);
});

test.each(["", "8080", ":", "::1:8080", ":65536", ":-1", "http://localhost:80", "local host:80", ":8080/", "[::1]"])(
  "does not take %j",
  (text) => expect(parseBindAddress(text)).toBeUndefined(),
);
