import { computed, effect, type ReadonlySignal, type Signal, signal } from '@preact/signals'
import { keepChoice, keptChoice, showTheme, systemTheme, type ThemeChoice } from './theme-choice.ts'

/** Light or dark: as the system says, or as chosen here; kept in this browser. */
export class Theme {
  readonly choice: Signal<ThemeChoice>
  readonly isDark: ReadonlySignal<boolean>

  constructor(window: Window) {
    this.choice = signal(keptChoice(window))
    const system = systemTheme(window)
    const prefersDark = signal(system.matches)
    system.addEventListener('change', () => {
      prefersDark.value = system.matches
    })
    this.isDark = computed(() => {
      const choice = this.choice.value
      return choice === 'system' ? prefersDark.value : choice === 'dark'
    })
    effect(() => {
      showTheme(window, this.isDark.value)
      keepChoice(window, this.choice.value)
    })
  }

  /** The next of system, light, dark. */
  next(): void {
    const order: readonly ThemeChoice[] = ['system', 'light', 'dark']
    this.choice.value = order[(order.indexOf(this.choice.value) + 1) % order.length] ?? 'system'
  }
}
