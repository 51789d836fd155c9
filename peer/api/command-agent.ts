/** The User-Agent of the commands. */
export const commandAgent = 'tandem'
