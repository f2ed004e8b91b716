/** A chart of a PromQL expression: the same as any other. */
export { Chart as QueryChart } from './Chart.js'
