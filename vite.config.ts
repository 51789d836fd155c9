/** Builds the web page: `npm run setup`, and the Docker image. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { build, defineConfig, type Plugin } from 'vite'

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

/**
 * Adds the script that sets the theme before anything is drawn. It is not a module: those run after
 * the page has been drawn.
 */
function earlyTheme(): Plugin {
  return {
    name: 'early-theme',
    apply: 'build',
    async buildStart() {
      const built = await build({
        configFile: false,
        logLevel: 'warn',
        publicDir: false,
        build: {
          write: false,
          target: 'es2022',
          rolldownOptions: {
            input: 'peer/web/page/shell/early-theme.ts',
            output: { format: 'iife' },
          },
        },
      })
      if (Array.isArray(built) || !('output' in built)) throw new Error('not one build')
      const source = built.output[0].code
      this.emitFile({ type: 'asset', name: 'early-theme.js', source })
    },
    transformIndexHtml: {
      order: 'post',
      // Behind the meta elements, one of which it changes, and before the style sheet.
      handler(html, { bundle = {} }) {
        const name = Object.keys(bundle).find((path) => path.includes('early-theme'))
        if (name === undefined) throw new Error('there is no early script')
        return html.replace('<title>', `<script src="./${name}"></script>\n    <title>`)
      },
    },
  }
}

// oxlint-disable-next-line import/no-default-export -- Vite asks for it
export default defineConfig({
  root: 'peer/web/page',
  base: './',
  publicDir: false,
  plugins: [earlyTheme(), precompressed()],
  build: {
    outDir: '../page-dist',
    emptyOutDir: true,
    target: 'es2022',
    // The content security policy allows no data: scripts or styles, and icons are inline elements.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
})
