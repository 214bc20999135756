// What a browser's driver does with standard input: a JSON command a line, its answer on standard output.
import { createInterface } from "node:readline";

/** Do commands by name until "quit", then end the process. */
export async function answerCommands(commands) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, do: name, ...given } = JSON.parse(line);
    let answer;
    try {
      answer = { id, value: (await commands[name](given)) ?? null };
    } catch (problem) {
      answer = { id, error: String(problem.message ?? problem) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
    if (name === "quit") break;
  }
  process.exit(0);
}
