/** Which holders of a content have proven that they have it: policy, without state. */

/** What a holder answered when it was asked to prove its copy. */
export type ProofAnswer =
  | { readonly kind: 'proof'; readonly proof: string }
  /** It says that it has no readable copy: it may just have lost or changed it. */
  | { readonly kind: 'absent' }
  /** No answer in time. */
  | { readonly kind: 'late' }
  /** It has too much to do, or its connection ended. */
  | { readonly kind: 'busy' }

/** `show`: its proof is to be compared with the chunk itself, which it must send. */
export type ProofVerdict = 'passed' | 'wrong' | 'show' | Exclude<ProofAnswer['kind'], 'proof'>

export interface JudgeOptions {
  /**
   * The peer whose own index asks, in a mesh: what it read from its own disk is the truth. Undefined for
   * the index of a cluster, which has no bytes.
   */
  readonly ownPeerId?: string | undefined
  /** Whether this holder must send the chunk even if its proof is like that of the others. */
  readonly mustShow: (peerId: string) => boolean
}

/**
 * The verdict on each answer to one challenge: the same chunk and nonce for all. Equal proofs are taken for
 * true. If they differ, no number of peers decides who is right, since one process may be many peers: all of
 * them must show the chunk.
 * @returns nothing of a holder about which nothing can be said
 */
export function judgeAnswers(
  answers: ReadonlyMap<string, ProofAnswer>,
  { ownPeerId, mustShow }: JudgeOptions,
): Map<string, ProofVerdict> {
  const verdictOf =
    ownPeerId === undefined
      ? comparedWithAll(answers, mustShow)
      : comparedWithOwn(answers, ownPeerId)
  const verdicts = new Map<string, ProofVerdict>()
  for (const [peerId, answer] of answers) {
    const verdict = answer.kind === 'proof' ? verdictOf(peerId, answer.proof) : answer.kind
    if (verdict !== undefined) verdicts.set(peerId, verdict)
  }
  return verdicts
}

type VerdictOf = (peerId: string, proof: string) => ProofVerdict | undefined

function comparedWithAll(
  answers: ReadonlyMap<string, ProofAnswer>,
  mustShow: JudgeOptions['mustShow'],
): VerdictOf {
  const proofs = [...answers.values()].flatMap((answer) =>
    answer.kind === 'proof' ? [answer.proof] : [],
  )
  const areEqual = new Set(proofs).size <= 1
  return (peerId) => (areEqual && !mustShow(peerId) ? 'passed' : 'show')
}

function comparedWithOwn(answers: ReadonlyMap<string, ProofAnswer>, ownPeerId: string): VerdictOf {
  const own = answers.get(ownPeerId)
  if (own?.kind !== 'proof') return () => undefined
  return (_, proof) => (proof === own.proof ? 'passed' : 'wrong')
}
