/**
 * Status: how the service itself is.
 */
export { StatusPage as Status } from '../components/StatusPage.js'
