// Prints what the Khronos glTF validator finds in each file named: a JSON object of its messages by file.
import { readFile } from "node:fs/promises";
import { argv, stdout } from "node:process";
import { validateBytes } from "gltf-validator";

const found = {};
for (const file of argv.slice(2)) {
  const report = await validateBytes(new Uint8Array(await readFile(file)), { maxIssues: 20 });
  found[file] = { ...report.issues, triangles: report.info?.totalTriangleCount };
}
stdout.write(JSON.stringify(found));
