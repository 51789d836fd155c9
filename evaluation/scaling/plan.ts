import type { ScalingResult } from './result.ts'

/** The amount of work per number of clients. */
export interface ScalingPlan {
  readonly scaling: ScalingResult['scaling']
  /** Numbers of clients, one step each; the first is the reference for the others. */
  readonly concurrency: readonly number[]
  /** Operations of a whole step for strong scaling, of each client for weak scaling. */
  readonly lookups: number
  readonly kb: number
  readonly mb: number
}

type Kind = 'lookups' | 'kb' | 'mb'

export const meanings = {
  weak: 'The work grows with the clients: the operations are those of each client.',
  strong: 'The work is fixed: the operations are divided among the clients.',
} as const satisfies Record<ScalingResult['scaling'], string>

/** Operations of one kind in the step with this number of clients. */
export function operationsOf(plan: ScalingPlan, kind: Kind, clients: number): number {
  return plan.scaling === 'weak' ? plan[kind] * clients : plan[kind]
}

/** Files of one kind that all steps need, each used once. */
export function filesNeeded(plans: readonly ScalingPlan[], kind: 'kb' | 'mb'): number {
  return plans
    .flatMap((plan) => plan.concurrency.map((clients) => operationsOf(plan, kind, clients)))
    .reduce((sum, count) => sum + count, 0)
}
