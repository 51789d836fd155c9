import { systemClock } from '../../common/clock.ts'
import { httpUrl } from '../../common/http-url.ts'
import { openHttpPeer } from '../../peer/api/http-peer.ts'
import { describePeerApi } from '../../peer/testing/api-contract.ts'
import { PeerPair } from './peer-pair.ts'

describePeerApi('a peer asked directly', {
  open: async () => {
    const pair = await PeerPair.start()
    return subjectOf(pair, pair.peer.api, async () => await pair[Symbol.asyncDispose]())
  },
})

describePeerApi('a peer asked over HTTP', {
  open: async () => {
    const pair = await PeerPair.start()
    const url = new URL(httpUrl(pair.peer.webAddress))
    const api = openHttpPeer({ url, peerId: 'peer1' }, { clock: systemClock })
    return subjectOf(pair, api, async () => {
      api[Symbol.dispose]()
      await pair[Symbol.asyncDispose]()
    })
  },
})

function subjectOf(pair: PeerPair, api: PeerPair['peer']['api'], dispose: () => Promise<void>) {
  return {
    api,
    brokenLink: pair.brokenLink,
    shareElsewhere: (name: string, text: string) => pair.shareElsewhere(name, text),
    damage: (name: string) => pair.damage(name),
    fileWithoutSource: () => pair.fileWithoutSource(),
    [Symbol.asyncDispose]: dispose,
  }
}
