/**
 * Stands where a page will, until it is loaded or its first answers are there.
 */
import { html } from '../lib.js'

export const PageSkeleton = () => html`<div class="skeleton page-skeleton" role="status"><span class="unseen">Loading</span></div>`
