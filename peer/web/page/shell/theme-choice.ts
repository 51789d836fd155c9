/** Light or dark, before and after the page has started: without signals, since it runs first. */

export type ThemeChoice = 'system' | 'light' | 'dark'

const storageKey = 'tandem-theme'
const darkQuery = '(prefers-color-scheme: dark)'

/** What this browser keeps; `system` if it keeps nothing. */
export function keptChoice(window: Window): ThemeChoice {
  try {
    const kept = window.localStorage.getItem(storageKey)
    return kept === 'light' || kept === 'dark' ? kept : 'system'
  } catch {
    return 'system'
  }
}

/** A browser that keeps nothing still has the theme until the page is closed. */
export function keepChoice(window: Window, choice: ThemeChoice): void {
  try {
    if (choice === 'system') window.localStorage.removeItem(storageKey)
    else window.localStorage.setItem(storageKey, choice)
  } catch {
    return
  }
}

/** Whether the system prefers dark, and when that changes. */
export function systemTheme(window: Window): MediaQueryList {
  return window.matchMedia(darkQuery)
}

/** The attribute selects the colours; the meta element those of the browser before the style sheet. */
export function showTheme({ document }: Window, isDark: boolean): void {
  const theme = isDark ? 'dark' : 'light'
  document.documentElement.dataset['theme'] = theme
  document.querySelector('meta[name="color-scheme"]')?.setAttribute('content', theme)
}
