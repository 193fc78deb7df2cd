import { defineConfig } from "vitest/config";

export default defineConfig({ assetsInclude: ["**/*.glb"], test: { include: ["test/**/*.test.ts"] } });
