/**
 * How coding agents are connected: one command each, and what it does.
 *
 * Pure.
 *
 * @typedef {{ agent: string, title: string, does: string }} Way
 */

/** @type {Way[]} */
export const WAYS = [
  { agent: 'claude', title: 'Claude Code', does: 'Sets up telemetry (money, tokens, tools, commits), hooks (what it does and whom it waits for, at once) and the status line (context, limits of the plan) in ~/.claude/settings.json.' },
  { agent: 'codex', title: 'Codex', does: 'Sets up telemetry in ~/.codex/config.toml and hooks in hooks.json beside it. At its next start Codex asks whether to trust the hooks (/hooks).' },
  { agent: 'gemini', title: 'Gemini CLI', does: 'Sets up telemetry, without prompts, and hooks in ~/.gemini/settings.json. Gemini CLI says its tokens, and no money.' },
  { agent: 'opencode', title: 'OpenCode', does: 'Adds a plug-in in ~/.config/opencode/plugins that says what sessions do and cost, without any content.' },
]

/** Where the service is when nothing else is said. */
const USUAL = ['http://127.0.0.1:8090', 'http://localhost:8090']

/** @param {Way} way @param {string} origin of this page: where agents are to send to, unless the command finds it by itself */
export const commandOf = ({ agent }, origin) => `taskpulse connect ${agent} --write${USUAL.includes(origin) ? '' : ` --url ${origin}`}`
