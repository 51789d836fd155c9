/** System errors of reading that say that the disk has lost the bytes. */
export const diskFaultCodes: ReadonlySet<string> = new Set([
  'EIO',
  // Checksums of file systems that have them.
  'EUCLEAN',
  'EBADMSG',
  'EILSEQ',
  // Sectors that a disk reports as unreadable.
  'ENODATA',
  'EREMOTEIO',
])
