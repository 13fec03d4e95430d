import { readdirSync } from "node:fs";
import { defineConfig } from "vite";

const islands = "src/vigil/web/islands";

// Every file beside this folder's `lib` is one island; a page asks for it by name: {% island "session" %}.
const entries = readdirSync(islands).filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"));

export default defineConfig({
  root: islands,
  base: "./",
  publicDir: false,
  build: {
    outDir: "../static/dist",
    emptyOutDir: true,
    manifest: "manifest.json",
    target: "es2022",
    cssTarget: "chrome123",
    modulePreload: false,
    assetsInlineLimit: 0,
    rollupOptions: { input: Object.fromEntries(entries.map((file) => [file.replace(/\.ts$/, ""), `${islands}/${file}`])) },
  },
});
