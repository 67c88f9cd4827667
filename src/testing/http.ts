import ky from "ky";

/** Plain HTTP for tests: sends each request once, and any status is an answer. */
export const http = ky.create({ retry: 0, throwHttpErrors: false, timeout: 60_000 });
