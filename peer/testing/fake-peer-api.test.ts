import { systemClock } from '../../common/clock.ts'
import { describePeerApi } from './api-contract.ts'
import { FakePeerApi } from './fake-peer-api.ts'

const brokenLink = 'broken link'

describePeerApi('the fake peer', {
  has: (call) => call in FakePeerApi.prototype,
  open: async () => {
    const peer = new FakePeerApi({ clock: systemClock })
    peer.problemList.push({
      code: 'LINK_BROKEN',
      name: brokenLink,
      folder: 'shared',
      path: `/home/ada/data/peer1/shared/${brokenLink}`,
      reason: 'it is a link to a missing file or folder',
      remedy: 'Remove the link.',
    })
    return {
      api: peer.api,
      brokenLink,
      shareElsewhere: async (name, text) => {
        peer.add(name, 'remote', text)
        peer.finishesDownloads = true
      },
      damage: async () => {},
      fileWithoutSource: async () => {
        peer.finishesDownloads = false
        return 'without source'
      },
      [Symbol.asyncDispose]: async () => {},
    }
  },
})
