import type { CallName } from '../../api/calls.ts'
import { activityExamples } from './activity-examples.ts'
import { clusterExamples } from './cluster-examples.ts'
import { downloadExamples } from './download-examples.ts'
import type { CallExamples } from './example.ts'
import { fileExamples } from './file-examples.ts'
import { followExamples } from './follow-examples.ts'
import { memberExamples } from './member-examples.ts'
import { meshExamples } from './mesh-examples.ts'
import { scrubExamples } from './scrub-examples.ts'

/** An example of each call, for the documentation. A test checks them against the schemas. */
export const callExamples: CallExamples<CallName> = {
  ...fileExamples,
  ...downloadExamples,
  ...followExamples,
  ...activityExamples,
  ...clusterExamples,
  ...scrubExamples,
  ...meshExamples,
  ...memberExamples,
}
