#!/usr/bin/env node
// Starts the program `wkv`, whose compiled code is kept between its runs where the runtime can (Node from 22.1 on).
import module from "node:module";

(module as { enableCompileCache?(): void }).enableCompileCache?.();
await import("./program.ts");
