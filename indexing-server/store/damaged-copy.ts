/**
 * The value of the column `withheld` for a copy whose bytes are no longer its content. As with 1, an
 * unshared file, the triggers do not count it as held.
 */
export const damagedCopy = 2
