// Judges many records in one process: lines of JSON {path, heads, keys} in, one answer for each out.
import { closeSync, openSync } from "node:fs";
import { createInterface } from "node:readline";
import { Unusable, linesOf, verifyLines } from "../verifier2/verify.mjs";

for await (const asked of createInterface({ input: process.stdin })) {
  const { path, heads, keys } = JSON.parse(asked);
  const file = openSync(path, "r");
  let answer;
  try {
    answer = verifyLines(linesOf(file), { heads, keys });
  } catch (error) {
    if (!(error instanceof Unusable)) throw error;
    answer = { unusable: true };
  }
  closeSync(file);
  console.log(JSON.stringify(answer));
}
