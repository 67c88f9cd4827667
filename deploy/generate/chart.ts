/** Brings into the chart what comes from elsewhere: definitions, roles, versions, the table of its values: `make chart`. */
import { CHART, chartFiles } from "./chart-files.ts";
import { writeFiles } from "./write-files.ts";

await writeFiles(await chartFiles(), [`${CHART}/files/crds`, `${CHART}/files/rbac`]);
