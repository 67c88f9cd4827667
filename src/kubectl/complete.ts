#!/usr/bin/env node
// kubectl runs a program of this name, kubectl_complete-atlascerts, to complete a line that begins with the plugin's name.
process.argv.splice(2, 0, "__complete");
await import("./main.ts");
