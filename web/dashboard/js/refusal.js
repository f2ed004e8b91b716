/**
 * What a request says that was refused for want of permission, so that whoever shows it can say what to do next.
 *
 * Pure.
 */

/** There is no login, or its token is not right. */
export const LOGIN_NEEDED = 'a login is needed'
const FORBIDDEN = 'not permitted: '

/** @param {string} words of who refused */
export const forbidden = (words) => FORBIDDEN + words
/** Those words; null for any other error. @param {string} error */
export const forbiddenWords = (error) => (error.startsWith(FORBIDDEN) ? error.slice(FORBIDDEN.length) : null)
