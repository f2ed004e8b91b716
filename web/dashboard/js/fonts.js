/** The typeface of the page, for what is drawn on a canvas. */
export const FONT_FACE = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif'
