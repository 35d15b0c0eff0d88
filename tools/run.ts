import { spawn } from "node:child_process";

/** Runs a tool that is installed with the project. @throws Error when it fails */
export function runTool(name: string, args: string[]): Promise<void> {
  return run(`node_modules/.bin/${name}`, args);
}

/** Runs a command with this terminal. @throws Error when it fails */
export function run(command: string, args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: "inherit", shell: process.platform === "win32" });
    child.on("error", reject);
    child.on("exit", (code) =>
      code === 0 ? resolve() : reject(new Error(`${command} ${args.join(" ")} failed (${code})`)),
    );
  });
}
