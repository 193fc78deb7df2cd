import { defineConfig } from "vite";

const here = (path: string) => new URL(path, import.meta.url).pathname;

export default defineConfig({
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  resolve: {
    alias: {
      // daikon's decoder of JPEG-LS, megabytes of compiled code for a rare kind of slice in the confirmation.
      "../lib/charLS-DynamicMemory-browser.js": here("src/absent.ts"),
      // The decoder in plain JavaScript: WebAssembly would need 'wasm-unsafe-eval' in the page's security policy.
      "meshopt-decoder": here("node_modules/meshoptimizer/meshopt_decoder_reference.js"),
    },
  },
  worker: { format: "es" },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
});
