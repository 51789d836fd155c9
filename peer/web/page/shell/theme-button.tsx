import type { JSX } from 'preact'
import { Icon, type IconName } from '../parts/icon.tsx'
import { usePage } from './page-context.ts'
import type { ThemeChoice } from './theme-choice.ts'

const icons: Readonly<Record<ThemeChoice, IconName>> = {
  system: 'system',
  light: 'sun',
  dark: 'moon',
}
const labels: Readonly<Record<ThemeChoice, string>> = {
  system: 'system setting',
  light: 'light',
  dark: 'dark',
}

export function ThemeButton(): JSX.Element {
  const { theme } = usePage()
  const choice = theme.choice.value
  const label = `Colours: ${labels[choice]}. Change`
  return (
    <button
      type="button"
      class="button quiet square"
      onClick={() => theme.next()}
      aria-label={label}
      title={label}
    >
      <Icon name={icons[choice]} />
    </button>
  )
}
