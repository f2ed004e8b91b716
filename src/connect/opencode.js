// Says to taskpulse what a session of OpenCode does: no prompts, no answers, no inputs or outputs of tools. Never waits for it.
import { hostname } from "node:os"

const service = "SERVICE"
const token = process.env.TASKPULSE__SERVER__TOKEN

function send(event) {
  const headers = { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) }
  const request = { method: "POST", headers, body: JSON.stringify(event), signal: AbortSignal.timeout(2000) }
  fetch(`${service}/hooks/agent?agent=opencode&host=${encodeURIComponent(hostname())}`, request).catch(() => {})
}

/** What a finished answer of the model cost, once an answer. */
function usage(message) {
  const { input, output, reasoning, cache } = message.tokens ?? {}
  const tokens = { input, output, reasoning, cache_read: cache?.read, cache_creation: cache?.write }
  return { message_id: message.id, model: message.modelID, provider: message.providerID, cost_usd: message.cost, tokens }
}

export const Taskpulse = async ({ directory, worktree }) => {
  const counted = new Set()
  const say = (session_id, hook_event_name, more = {}) => {
    if (session_id) send({ session_id, hook_event_name, cwd: directory, worktree, ...more })
  }
  const events = {
    "session.created": ({ info }) => say(info?.id, "SessionStart", { source: "startup", parent_session_id: info?.parentID }),
    "session.deleted": ({ info }) => say(info?.id, "SessionEnd", { reason: "other" }),
    "session.idle": ({ sessionID }) => say(sessionID, "Stop"),
    "session.error": ({ sessionID, error }) => say(sessionID, "StopFailure", { error: error?.name }),
    "session.compacted": ({ sessionID }) => say(sessionID, "PostCompact"),
    "session.status": ({ sessionID, status }) => {
      if (status?.type === "retry") say(sessionID, "Notification", { notification_type: "retry", attempt: status.attempt })
    },
    "permission.asked": ({ sessionID, permission }) => say(sessionID, "PermissionRequest", { tool_name: permission }),
    // Whoever was waited for has answered.
    "permission.replied": ({ sessionID, reply }) => reply !== "reject" && say(sessionID, "PreToolUse"),
    "question.replied": ({ sessionID }) => say(sessionID, "UserPromptSubmit"),
    "question.asked": ({ sessionID }) => say(sessionID, "Notification", { notification_type: "elicitation_dialog" }),
    "message.updated": ({ info }) => {
      if (info?.role !== "assistant" || !info.time?.completed || counted.has(info.id)) return
      if (counted.size > 10000) counted.clear()
      counted.add(info.id)
      say(info.sessionID, "AssistantMessage", usage(info))
    },
  }
  return {
    event: async ({ event }) => events[event?.type]?.(event.properties ?? {}),
    "chat.message": async ({ sessionID }) => say(sessionID, "UserPromptSubmit"),
    "tool.execute.before": async ({ tool, sessionID, callID }) => say(sessionID, "PreToolUse", { tool_name: tool, tool_use_id: callID }),
    "tool.execute.after": async ({ tool, sessionID, callID }, output) => {
      const exit_code = output?.metadata?.exit
      say(sessionID, exit_code ? "PostToolUseFailure" : "PostToolUse", { tool_name: tool, tool_use_id: callID, exit_code })
    },
  }
}
