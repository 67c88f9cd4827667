import { open } from "node:fs/promises";
import { StringDecoder } from "node:string_decoder";
import { z } from "zod";

const lineSchema = z.object({
  level: z.string(),
  time: z.iso.datetime(),
  msg: z.string(),
  reason: z.string().optional(),
  resource: z.string().optional(),
  serialNumber: z.string().optional(),
});

/** A line of the operator's log, as far as it matters here. `time` is RFC 3339 with milliseconds. */
export type LogLine = z.output<typeof lineSchema>;

/** Follows a log file of JSON lines. What is no such line, a stack say, is kept apart. */
export class OperatorLog {
  readonly #file: string;
  #offset = 0;
  #rest = "";
  readonly #decoder = new StringDecoder("utf8");
  readonly #strange: string[] = [];

  constructor(file: string) {
    this.#file = file;
  }

  /** Text that is no line of JSON: what a process that crashes leaves. */
  get strange(): readonly string[] {
    return this.#strange;
  }

  /** The lines since the last call. */
  async read(): Promise<readonly LogLine[]> {
    const file = await open(this.#file, "r");
    try {
      let text = "";
      for (;;) {
        const { bytesRead, buffer } = await file.read(Buffer.alloc(1 << 16), 0, 1 << 16, this.#offset);
        if (bytesRead === 0) break;
        this.#offset += bytesRead;
        text += this.#decoder.write(buffer.subarray(0, bytesRead));
      }
      return this.#take(text);
    } finally {
      await file.close();
    }
  }

  #take(text: string): readonly LogLine[] {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    return lines.flatMap((line) => {
      const parsed = parseLine(line);
      if (parsed === undefined && line !== "") this.#strange.push(line);
      return parsed === undefined ? [] : [parsed];
    });
  }
}

function parseLine(line: string): LogLine | undefined {
  try {
    return lineSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
