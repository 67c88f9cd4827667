/** Writes docs/messages.md, which lists all that people can read of the operator: `make messages`. */
import { writeFiles } from "../write-files.ts";
import { MESSAGES, messagesPage } from "./page.ts";

await writeFiles(new Map([[MESSAGES, await messagesPage()]]));
