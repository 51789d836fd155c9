/**
 * Runs before anything is drawn: a script of its own that the page waits for, so that a dark page is
 * never white at first. The content security policy allows none within the page.
 */
import { keptChoice, showTheme, systemTheme } from './theme-choice.ts'

const choice = keptChoice(window)
showTheme(window, choice === 'system' ? systemTheme(window).matches : choice === 'dark')
