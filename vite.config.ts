/** Builds the web page: `npm run setup`, and the Docker image. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { defineConfig, type Plugin } from 'vite'

/** Writes a `.br` and a `.gz` file beside each file that shrinks. */
function precompressed(): Plugin {
  return {
    name: 'precompressed',
    apply: 'build',
    writeBundle({ dir = '' }) {
      for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
        if (!/\.(html|js|css|svg)$/.test(name)) continue
        const path = join(dir, name)
        const bytes = readFileSync(path)
        writeFileSync(`${path}.br`, brotliCompressSync(bytes))
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }))
      }
    },
  }
}

// oxlint-disable-next-line import/no-default-export -- Vite asks for it
export default defineConfig({
  root: 'peer/web/page',
  base: './',
  publicDir: false,
  plugins: [precompressed()],
  build: {
    outDir: '../page-dist',
    emptyOutDir: true,
    target: 'es2022',
    // The content security policy allows no data: scripts or styles, and icons are inline elements.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
})
