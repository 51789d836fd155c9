import { computed, effect, type ReadonlySignal, type Signal, signal } from '@preact/signals'

export type ThemeChoice = 'system' | 'light' | 'dark'

const storageKey = 'tandem-theme'

/** Light or dark: as the system says, or as chosen here; kept in this browser. */
export class Theme {
  readonly choice: Signal<ThemeChoice>
  readonly isDark: ReadonlySignal<boolean>

  constructor(window: Window) {
    this.choice = signal(chosen(window))
    const system = window.matchMedia('(prefers-color-scheme: dark)')
    const prefersDark = signal(system.matches)
    system.addEventListener('change', () => {
      prefersDark.value = system.matches
    })
    this.isDark = computed(() => {
      const choice = this.choice.value
      return choice === 'system' ? prefersDark.value : choice === 'dark'
    })
    effect(() => {
      window.document.documentElement.dataset['theme'] = this.isDark.value ? 'dark' : 'light'
      keep(window, this.choice.value)
    })
  }

  /** The next of system, light, dark. */
  next(): void {
    const order: readonly ThemeChoice[] = ['system', 'light', 'dark']
    this.choice.value = order[(order.indexOf(this.choice.value) + 1) % order.length] ?? 'system'
  }
}

function chosen(window: Window): ThemeChoice {
  try {
    const kept = window.localStorage.getItem(storageKey)
    return kept === 'light' || kept === 'dark' ? kept : 'system'
  } catch {
    return 'system'
  }
}

/** A browser that keeps nothing still has the theme until the page is closed. */
function keep(window: Window, choice: ThemeChoice): void {
  try {
    if (choice === 'system') window.localStorage.removeItem(storageKey)
    else window.localStorage.setItem(storageKey, choice)
  } catch {
    return
  }
}
