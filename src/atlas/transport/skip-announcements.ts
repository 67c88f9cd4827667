import type { Socket } from "node:net";

/** The longest head that undici accepts, in bytes. */
const LONGEST_HEAD = 16 * 1024;

const END_OF_HEAD = "\r\n\r\n";
const START_OF_ANNOUNCEMENT = "HTTP/1.1 1xx";

/**
 * Takes announcements (1xx) that come before an answer out of what undici reads from a socket. A server may send
 * `100 Continue` unasked (RFC 9110, section 15.2); undici ends the connection then, and with it the
 * answer that follows, which may hold a private key. 101 stays in: there is no answer of ours behind it.
 */
export function skipAnnouncements(socket: Socket): void {
  const read = socket.read.bind(socket);
  // undici sends one request at a time, so the next bytes that arrive are its answer.
  let expectsHead = false;
  let held: Buffer = Buffer.alloc(0);
  socket.write = new Proxy(socket.write, {
    apply(write, self, parameters) {
      expectsHead = true;
      return Reflect.apply(write, self, parameters);
    },
  });
  socket.read = (size?: number): Buffer | null => {
    for (;;) {
      const chunk: Buffer | null = read(size);
      if (!expectsHead || chunk === null) return chunk;
      held = behindAnnouncements(held.length === 0 ? chunk : Buffer.concat([held, chunk]));
      if (mayBeAnnouncement(held)) continue;
      expectsHead = false;
      const answer = held;
      held = Buffer.alloc(0);
      return answer;
    }
  };
}

/** The bytes that follow the last complete announcement. */
function behindAnnouncements(bytes: Buffer): Buffer {
  let rest = bytes;
  for (;;) {
    const end = isAnnouncement(rest) ? rest.indexOf(END_OF_HEAD) : -1;
    if (end === -1) return rest;
    rest = rest.subarray(end + END_OF_HEAD.length);
  }
}

/** Whether more has to come before it is known what these bytes are. */
function mayBeAnnouncement(bytes: Buffer): boolean {
  if (bytes.length >= START_OF_ANNOUNCEMENT.length) return isAnnouncement(bytes) && bytes.length <= LONGEST_HEAD;
  const start = bytes.toString("latin1").replace(/^HTTP\/1\.0/, "HTTP/1.1");
  return "HTTP/1.1 1".startsWith(start.slice(0, "HTTP/1.1 1".length));
}

function isAnnouncement(bytes: Buffer): boolean {
  return /^HTTP\/1\.[01] 1(?!01)\d\d$/.test(bytes.toString("latin1", 0, START_OF_ANNOUNCEMENT.length));
}
