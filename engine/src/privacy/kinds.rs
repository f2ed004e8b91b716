//! What an attribute may hold, by its name.
//!
//! Names are compared in small letters, with `_` for whatever is no letter and no digit: `gen_ai.input.messages`, `gen_ai_input_messages` and
//! `ai.toolCall.args` are names of clients, SDKs and this service. What may hold several kinds is kept only where all of them are.

use super::Kinds;

/// A text that has no name in the table is kept up to this length, in bytes.
pub(super) const SHORT: usize = 256;

/// A name as the table has it, in a buffer that is used again.
pub(super) fn plain(name: &str, into: &mut String) {
    into.clear();
    into.extend(name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }));
}

/// What messages may hold that OpenTelemetry's conventions for models name, whoever sends them.
pub(super) fn of_gen_ai(plain: &str) -> Kinds {
    let Some(rest) = plain.strip_prefix("gen_ai_") else { return Kinds::NONE };
    match rest {
        "system_instructions" | "tool_definitions" | "system_message" | "user_message" => Kinds::PROMPTS,
        "output_messages" | "completion" | "assistant_message" | "choice" | "response_text" => Kinds::ANSWERS.and(Kinds::TOOL_INPUTS),
        "input_messages" | "prompt" | "request_messages" | "evaluation_explanation" => Kinds::ALL,
        "tool_call_arguments" | "tool_input" => Kinds::TOOL_INPUTS,
        "tool_call_result" | "tool_output" | "tool_message" => Kinds::TOOL_OUTPUTS,
        // `gen_ai.prompt.0.content`, `gen_ai.completion.0.tool_calls.0.arguments`
        _ if ["prompt_", "completion_"].iter().any(|of| rest.starts_with(of))
            && ["_content", "_arguments"].iter().any(|end| rest.ends_with(end)) =>
        {
            Kinds::ALL
        }
        _ => Kinds::NONE,
    }
}

/// Whether an attribute holds a message to or from a model, whoever sends it: left out unless the settings say otherwise.
#[must_use]
pub fn is_message(name: &str) -> bool {
    let mut known = String::new();
    plain(name, &mut known);
    of_gen_ai(&known) != Kinds::NONE
}

/// What an attribute of an agent may hold; nothing where the table does not have it.
pub(super) fn of_agent(plain: &str) -> Kinds {
    const TURN: Kinds = Kinds::ANSWERS.and(Kinds::TOOL_INPUTS);
    match plain {
        "prompt"
        | "prompt_text"
        | "user_prompt"
        | "user_message"
        | "user_input"
        | "system_prompt"
        | "system_prompt_preview"
        | "instructions"
        | "process_command_args"
        | "process_command_line"
        | "initial_prompt"
        | "title"
        | "tools"
        | "ai_prompt_tools" => Kinds::PROMPTS,
        "response"
        | "assistant_response"
        | "assistant_text"
        | "answer"
        | "completion"
        | "thinking"
        | "thoughts"
        | "reasoning"
        | "routing_reasoning"
        | "reasoning_text"
        | "ai_response_text"
        | "ai_response_reasoning"
        | "summary" => Kinds::ANSWERS,
        "response_text"
        | "response_model_output"
        | "response_body"
        | "api_response_body"
        | "output_messages"
        | "output_value"
        | "ai_response_object"
        | "ai_response_toolcalls" => TURN,
        "request_text" | "request_body" | "api_request_body" | "body" | "messages" | "input_messages" | "input_value"
        | "message_content" | "text" | "ai_prompt" | "ai_prompt_messages" | "transcript" => Kinds::ALL,
        "tool_input" | "tool_parameters" | "tool_args" | "tool_arguments" | "arguments" | "args" | "function_args"
        | "function_arguments" | "parameters" | "params" | "input" | "full_command" | "bash_command" | "bash_argv0" | "command"
        | "command_line" | "cmd" | "argv" | "command_args" | "file_path" | "file_paths" | "file" | "filename" | "path" | "paths"
        | "url" | "query" | "pattern" | "diff" | "patch" | "description" | "hook_definitions" | "ai_toolcall_args"
        | "ai_toolcall_input" => Kinds::TOOL_INPUTS,
        "output"
        | "tool_output"
        | "tool_result"
        | "tool_response"
        | "result"
        | "stdout"
        | "stderr"
        | "metadata"
        | "ai_toolcall_result"
        | "ai_toolcall_output"
        | "content"
        | "exception_stacktrace" => Kinds::TOOL_OUTPUTS,
        "new_context" => Kinds::PROMPTS.and(Kinds::TOOL_OUTPUTS),
        _ if plain.starts_with("gen_ai_") => of_gen_ai(plain),
        _ if plain.ends_with("_prompt") => Kinds::PROMPTS,
        _ => Kinds::NONE,
    }
}

/// Whether it says why something failed. Of a tool, that is what the tool gave back.
pub(super) fn is_error(plain: &str) -> bool {
    matches!(plain, "error" | "error_message" | "exception_message" | "message" | "reason" | "denial_reason")
}

/// Whether it names the tool that a record is about.
pub(super) fn names_tool(plain: &str) -> bool {
    matches!(plain, "tool_name" | "function_name" | "gen_ai_tool_name" | "ai_toolcall_name")
}

/// The prefix of the short name for what an attribute names: a person, an account or an installation.
pub(super) fn of_person(plain: &str) -> Option<&'static str> {
    match plain {
        "user_email" | "user_id" | "user_account_uuid" | "user_account_id" | "user_name" | "user_full_name" | "user_hash"
        | "user_login" | "user_uuid" | "user" | "username" | "email" | "account_id" | "account_uuid" | "account_email" | "enduser_id"
        | "process_owner" | "process_user_name" => Some("user"),
        "organization_id" | "organization_uuid" | "organization_name" | "org_id" | "user_organization_id" | "workspace_id" => Some("org"),
        "installation_id" | "device_id" | "machine_id" => Some("installation"),
        _ => None,
    }
}

/// What a whole body holds, by the name of its event.
pub(super) fn of_event(name: &str) -> Kinds {
    let mut known = String::new();
    plain(name, &mut known);
    of_gen_ai(&known)
}
