/**
 * What the service answers, as JSDoc types. Nothing here runs, and no page loads this file.
 *
 * Made from the schemas of the OpenAPI document: `cargo run --example browser_types`. Do not edit it.
 */

/**
 * What the settings bind the recommendations of an advisor to. Arguments of commands are not shown.
 * @typedef {object} ActionBinding
 * @property {string} advisor  The advisor.
 * @property {number|null} after  For how many seconds a recommendation must be open before it runs by itself; `null` in mode `ask`.
 * @property {string} command  Carries the advice out.
 * @property {number} cooldown  Shortest time between two of its runs, in seconds.
 * @property {string} dry_run  Says whether the command could run.
 * @property {ActionGuard} guard  What must not become worse.
 * @property {ActionMode} mode  Who decides.
 * @property {number|null} ready_at  From when the cooldowns allow its next run; `null` where nothing ran.
 * @property {number} timeout  Longest time of each of them, in seconds.
 * @property {string} undo  Takes that back.
 * @property {string|null} waits_for  The run that it waits for: the one that is active, or its own that needs a person; `null` where there is none.
 */

/**
 * Who asked for a run.
 * @typedef {'person'|'service'} ActionBy
 */

/**
 * What must not become worse while a run is watched.
 * @typedef {object} ActionGuard
 * @property {number|null} amount  By how much it may become worse, in its own unit; `null` where `share` says it.
 * @property {string} query  PromQL that gives one value.
 * @property {number|null} share  By which share of its value before the command it may become worse; `null` where `amount` says it.
 * @property {number} watch  For how many seconds it is watched.
 * @property {ActionWorse} worse  Which way is worse.
 */

/**
 * The values of a guard.
 * @typedef {object} ActionGuardValues
 * @property {number|null} baseline  Before the command ran; `null` where it was not read.
 * @property {number|null} bound  The value beyond which it trips.
 * @property {number|null} last  When it was last judged.
 * @property {number|null} worst  The worst since the command ran.
 */

/**
 * Who decides that a command runs.
 * @typedef {'ask'|'auto'} ActionMode
 */

/**
 * What became of a command.
 * @typedef {object} ActionReport
 * @property {number|null} code  Its exit code; `null` where it did not end by itself.
 * @property {number} ended  When it ended.
 * @property {string} exit  How it ended, in words.
 * @property {string} output  The last lines that it printed, without what looks secret.
 * @property {number} started  When it began.
 * @property {ActionStep} step  Which.
 */

/**
 * A run of a binding.
 * @typedef {object} ActionRun
 * @property {string} advisor  The advisor whose binding it is.
 * @property {number|null} began_at  When its command was to begin; `null` where it did not.
 * @property {ActionBy} by  Who asked for it.
 * @property {ActionGuardValues} guard  What its guard was.
 * @property {string} id  Its id.
 * @property {boolean} is_active  Whether anything of it goes on or is to come.
 * @property {boolean} needs_person  Whether a person should look at it: it is neither kept nor undone, or was undone by itself and nobody has seen that.
 * @property {number} planned_at  When somebody asked for it.
 * @property {string} reason  Why it stands so, as a sentence; empty while nothing is out of the way.
 * @property {string} recommendation  The id of the recommendation.
 * @property {ActionState} state  How it stands.
 * @property {ActionReport[]} steps  What its commands did, in their order.
 * @property {string} title  The title of the recommendation.
 * @property {number} updated  When it came to this state.
 * @property {number|null} watch_until  Until when its guard is watched.
 */

/**
 * How a run stands.
 * @typedef {'planned'|'running'|'watching'|'undoing'|'kept'|'undone'|'refused'|'failed'|'resolved'} ActionState
 */

/**
 * A command of a binding.
 * @typedef {'dry_run'|'run'|'undo'} ActionStep
 */

/**
 * Which way a guard becomes worse.
 * @typedef {'higher'|'lower'} ActionWorse
 */

/**
 * Actions: what the settings bind, and what became of it.
 * @typedef {object} Actions
 * @property {ActionBinding[]} bindings  What the settings bind, by advisor.
 * @property {string|null} off  Why nothing runs; `null` where actions are on.
 * @property {ActionRun[]} runs  Runs, the newest first; the newest 200 that are over are kept.
 */

/**
 * `/api/v1/alerts`
 * @typedef {object} ActiveAlerts
 * @property {PrometheusAlert[]} alerts  Pending and firing alerts.
 */

/**
 * An actor.
 * @typedef {object} Actor
 * @property {number|null} busy_seconds  How long its oldest work has taken so far.
 * @property {number} handled  Messages handled.
 * @property {number} held_seconds  How long it has held its thread in all since the service started.
 * @property {null|LastPanic} last_panic
 * @property {number} longest_hold_seconds  The longest that it held its thread at a time; all others on that thread waited.
 * @property {number} mailbox  Messages that wait.
 * @property {string} name  Its name.
 * @property {string|null} reason  Why it is not running.
 * @property {number} restarts  Restarts since the service started.
 * @property {ActorState} state  Where it stands.
 */

/**
 * Where an actor stands.
 * @typedef {'running'|'restarting'|'stuck'|'down'|'stopped'} ActorState
 */

/**
 * What gives one kind of advice.
 * @typedef {object} Advisor
 * @property {string} about  When it gives advice.
 * @property {string[]} missing  Which of the metrics that it reads have no series: it can say nothing while there is one.
 * @property {string} name  How the ids of its recommendations begin.
 * @property {number} recommendations  How many of its recommendations there are.
 * @property {string|null} unsaid  Why it can say nothing now, in words; `null` where it can.
 */

/**
 * A session of a coding agent that worked while the condition of an alert began to hold.
 * @typedef {object} AgentAtWork
 * @property {string} agent  The agent.
 * @property {string|null} commit  The commit of the failed run; `null` where processes of the agent are what ties it to the alert.
 * @property {string|null} folder  Its folder.
 * @property {string} id  The session.
 * @property {string|null} task  The task that it said it worked on.
 */

/**
 * A call of a tool.
 * @typedef {object} AgentCall
 * @property {number} at  When it ended.
 * @property {number|null} duration_seconds  How long it took.
 * @property {string} outcome  `ok`, `failed` or `refused`.
 * @property {string|null} subagent  The subagent that called it.
 * @property {string} tool  The tool.
 */

/**
 * A commit of a session.
 * @typedef {object} AgentCommit
 * @property {number} at  When it was made.
 * @property {string|null} branch  The branch.
 * @property {null|AgentCommitCi} ci
 * @property {string} how  `exact`: the agent named it. `by_folder_and_time`: by the log of the repository, it was written in the folder of the session while that lived. `shared`: several sessions were there then.
 * @property {string} id  Its id.
 * @property {string|null} outcome  What became of it: `reverted` by a later commit; `failing`: the newest run of a workflow on it failed; `merged` into the default branch; `passing`: all of its runs ended and none failed; `open`: not merged yet, or CI is under way. `null` where nothing is known.
 * @property {null|AgentPullRequest} pull_request
 */

/**
 * What CI did for a commit.
 * @typedef {object} AgentCommitCi
 * @property {number|null} cost_usd  What they cost by `[costs.prices]`, in US dollars; `null` unless all of them have a price.
 * @property {number} failed  Runs whose newest attempt failed.
 * @property {number|null} job_seconds  Seconds of their jobs, as far as they are known.
 * @property {number} running  Runs that have not ended.
 * @property {number} runs  Runs of workflows; attempts of one are not counted apart.
 */

/**
 * A row of costs.
 * @typedef {object} AgentCostRow
 * @property {number|null} active_seconds  Seconds in which agents were in use, as they say it.
 * @property {number|null} ci_cost_usd  What they cost by `[costs.prices]`, in US dollars; `null` where no price is known.
 * @property {number|null} ci_seconds  Seconds of CI jobs of its commits; `null` where no job's are known.
 * @property {number|null} cost_usd  In US dollars, as agents said it.
 * @property {number|null} cost_usd_micros  The same in millionths of a dollar: these add up without rounding.
 * @property {number|null} counted_from  Of a task that is known by the times of a board: since when it counts.
 * @property {number|null} cpu_seconds  CPU seconds of the agents' processes on this machine, where each is known to belong to one session.
 * @property {number|null} errors  Requests that failed.
 * @property {string[]} how  How the task is known, from the best to the weakest; empty where no task was asked for or none is known.
 * @property {Record<string, string|null>} key  One value for each of `by`; `null` for what nobody knows (not attributed).
 * @property {number|null} lines_added  Lines that were added.
 * @property {number|null} lines_removed  Lines that were removed.
 * @property {boolean} partial  Whether it was in progress before that, so that what went on until then is not in the row.
 * @property {number} requests  Requests that models answered.
 * @property {number|null} retries  How often requests were tried again.
 * @property {AgentTokens} tokens  Tokens.
 * @property {number|null} waiting_seconds  Seconds that they waited for a person.
 * @property {number|null} wall_seconds  Seconds that turns lasted. Turns of a session that overlap count once; sessions beside each other count each.
 */

/**
 * What agents cost, by what was asked for.
 * @typedef {object} AgentCosts
 * @property {string[]} by  The dimensions of the rows.
 * @property {AgentCostRow[]} rows  The rows, the dearest first. They add up to `total`.
 * @property {AgentCostRow} total  All rows together.
 */

/**
 * What is wrong with a session.
 * @typedef {object} AgentFinding
 * @property {string} advice  What to do.
 * @property {string} kind  `waits`, `loop`, `errors`, `context`, `limit`, `stuck`, `no_progress`, `rewrites` or `cache`.
 * @property {number} since  Since when.
 * @property {string} title  In words.
 */

/**
 * A limit of the plan.
 * @typedef {object} AgentLimit
 * @property {string} name  Its name.
 * @property {number|null} resets_at  When it begins anew.
 * @property {number} used_ratio  The part that is used.
 */

/**
 * The pull request of a commit.
 * @typedef {object} AgentPullRequest
 * @property {number} number  Its number.
 * @property {string|null} state  `open`, `closed` or `merged`; `null` where it is not known.
 * @property {string|null} url  Its page.
 */

/**
 * A session of a coding agent. Figures that nobody said are `null`, never 0.
 * @typedef {object} AgentSession
 * @property {number|null} active_seconds  Seconds in which it was used.
 * @property {string} agent  The agent.
 * @property {string|null} branch  Its branch.
 * @property {AgentCommit[]} commits  Its commits, by time.
 * @property {number|null} context_used_ratio  The part of the context that is used; only status lines say it.
 * @property {number|null} cost_usd  What the agent said that it cost, in US dollars.
 * @property {number|null} cpu_seconds  CPU seconds of its processes on this machine; `null` where they are not known to belong to it alone.
 * @property {number|null} errors  Requests that failed; `null` where the agent sends no records of them.
 * @property {AgentFinding[]} findings  What is wrong with it.
 * @property {number} first_seen  When it was first heard of.
 * @property {string|null} folder  Its folder; only hooks and status lines say it.
 * @property {string|null} host  The machine; `null` where nobody said it.
 * @property {string} id  What the agent calls the session.
 * @property {number} last_seen  When it was last heard of.
 * @property {AgentLimit[]} limits  Limits of the plan.
 * @property {number|null} lines_added  Lines that it added.
 * @property {number|null} lines_removed  Lines that it removed.
 * @property {string|null} model  The model that it used last.
 * @property {number|null} prompts  Prompts; `null` where neither hooks nor records say them.
 * @property {string|null} repository  Its repository.
 * @property {number|null} requests  Requests that the model answered; `null` where the agent sends no records of them.
 * @property {number|null} retries  How often requests were tried again.
 * @property {number} since  Since when it is in this state.
 * @property {string} state  `working`, `waiting`, `idle`, `ended`, or `lost`: no sign for so long that it may not live any more.
 * @property {AgentSubagent[]} subagents  Its subagents.
 * @property {AgentTask[]} tasks  The tasks that it works on; several where no one can tell which.
 * @property {AgentTokens} tokens  Tokens.
 * @property {string|null} tool  The tool for which it needs permission.
 * @property {AgentTool[]} tools  Calls of tools.
 * @property {string|null} version  The version of the agent.
 * @property {number|null} waiting_seconds  Seconds that it waited for a person.
 * @property {string|null} waits_for  Of a session that waits: `permission`, `answer` or `model`.
 */

/**
 * `/api/v1/agents/{agent}/{id}`
 * @typedef {object} AgentSessionDetails
 * @property {AgentCall[]} calls  Its calls of tools, the newest first, at most 200. What tools were given and what they answered is not kept.
 * @property {AgentSession} session  The session.
 * @property {AgentState[]} states  Its states, the oldest first: the newest 500 that lasted a second or longer.
 * @property {AgentTurn[]} turns  Its turns, the newest first, at most 200.
 */

/**
 * A state of a session and the time in which it lasted.
 * @typedef {object} AgentState
 * @property {string} agent  The agent.
 * @property {number} from  From.
 * @property {string} id  The session.
 * @property {string} state  `working`, `waiting`, `idle`, `ended`, or `lost`: no sign for so long that it may not live any more.
 * @property {number|null} to  To; `null` while it lasts.
 * @property {string|null} tool  The tool for which it needs permission.
 * @property {string|null} waits_for  Of a session that waits: `permission`, `answer` or `model`.
 */

/**
 * A subagent of a session.
 * @typedef {object} AgentSubagent
 * @property {number|null} ended  When it ended; `null` where that was not seen.
 * @property {string} id  Its id.
 * @property {string|null} kind  Its kind.
 * @property {number} started  When it was first seen.
 */

/**
 * The task of a session.
 * @typedef {object} AgentTask
 * @property {string} how  `exact`: the agent said it. `by_folder_and_time`: the session works in the folder of a board on which it is the only task in progress. `shared`: one of several in progress.
 * @property {string} id  Its id.
 * @property {string} project  The project; empty where the client did not say it and no board knows the task.
 * @property {string} tag  Its tag; empty where it is not known.
 */

/**
 * Tokens by kind, as the client counts them. Codex and Gemini count cached ones within `input` too. What nobody said is absent.
 * @typedef {object} AgentTokens
 * @property {number} [cache_creation]  Written to it.
 * @property {number} [cache_read]  Read from the cache of prompts.
 * @property {number} [input]  Sent to the model.
 * @property {number} [output]  Answered by it.
 * @property {number} [reasoning]  Thought, where that is counted apart.
 */

/**
 * Calls of one tool.
 * @typedef {object} AgentTool
 * @property {number} failed  Calls that ended with an error.
 * @property {string} name  The tool; empty where nobody named it.
 * @property {number} ok  Calls that ended well.
 * @property {number} refused  Calls that were not allowed.
 */

/**
 * A turn: from a prompt to its end.
 * @typedef {object} AgentTurn
 * @property {number|null} cost_usd  What they cost, in US dollars.
 * @property {number} ended  When its last sign came.
 * @property {string|null} prompt  What the agent calls the prompt; `null` for what belongs to none.
 * @property {number} requests  Requests that the model answered.
 * @property {number} started  When its first sign came.
 * @property {number} tools_failed  Calls of tools that did not.
 * @property {number} tools_ok  Calls of tools that ended well.
 */

/**
 * `/api/v1/agents`
 * @typedef {object} Agents
 * @property {string|null} missing  Why there are none, and how to connect an agent; `null` where there are some.
 * @property {AgentSession[]} sessions  Sessions, those that were heard of last first.
 */

/**
 * An alert.
 * @typedef {AlertDetails & { annotations: Record<string, string>, labels: Record<string, string>, value: number|null }} Alert
 */

/**
 * What both shapes of an alert have. Times are those of samples.
 * @typedef {object} AlertDetails
 * @property {number|null} acked_at  When someone acknowledged it.
 * @property {string[]} busiest  Who used most of what it is about while its condition began to hold, such as `cargo (3 processes) 61 %`: the first of `explanation`.
 * @property {number} cooldown_seconds  Shortest time between two firings.
 * @property {null|Explanation} explanation
 * @property {number|null} firing_since  Time of the sample with which it fired.
 * @property {number} for_seconds  How long the condition must hold before it fires.
 * @property {string} group  The group of its rule.
 * @property {string} id  The same for the same rule and series.
 * @property {number} last_sample  Time of the newest sample judged.
 * @property {Record<string, string>} metric  The labels of its series, `__name__` among them.
 * @property {string|null} note  What they noted with it.
 * @property {string|null} op  The comparison, where the rule compares with a fixed number.
 * @property {number} pending_since  Time of the sample that met the condition.
 * @property {string|null} reason  Why it was resolved, or is unknown, where it was not by its value.
 * @property {string[]} remediation  What to do about it, step by step.
 * @property {number|null} resolved_at  When it ended.
 * @property {string} rule  The rule's name.
 * @property {Severity} severity  How bad it is.
 * @property {string|null} source_reason  Why its source is down, where the source says so; the newest reason while the condition holds.
 * @property {AlertState} state  Where it stands.
 * @property {string} summary  One line for a person.
 * @property {number|null} threshold  What the value is compared with.
 * @property {number|null} unknown_since  Since when its source sends nothing, so that nobody knows whether it goes on.
 */

/**
 * The firing alerts of a channel that are announced together.
 * @typedef {object} AlertGroup
 * @property {GettableAlert[]} alerts  The alerts.
 * @property {Record<string, string>} labels  The labels in which they agree.
 * @property {Receiver} receiver  The channel.
 */

/**
 * `/api/v1/alerts/noise`
 * @typedef {object} AlertNoise
 * @property {number} end  Until when.
 * @property {null|ProfileOffer} profile
 * @property {RuleNoise[]} rules  The rules that fired, the loudest first.
 * @property {number} start  From when on.
 */

/**
 * Where an alert stands.
 * @typedef {'pending'|'firing'|'unknown'|'resolved'} AlertState
 */

/**
 * Whether notices of an alert are held back.
 * @typedef {object} AlertStatus
 * @property {string[]} inhibitedBy  Fingerprints of alerts.
 * @property {string[]} mutedBy  Names of maintenance windows.
 * @property {string[]} silencedBy  Ids of silences.
 * @property {string} state  `active`, or `suppressed` where something holds its notices back.
 */

/**
 * @typedef {object} Alertmanager
 * @property {string} url
 */

/**
 * Where alerts are sent as Prometheus sends them.
 * @typedef {object} Alertmanagers
 * @property {Alertmanager[]} activeAlertmanagers
 * @property {Alertmanager[]} droppedAlertmanagers
 */

/**
 * What `GET /api/v1/anomalies` answers.
 * @typedef {object} Anomalies
 * @property {Anomaly[]} anomalies  Newest first.
 * @property {WatchedSeries[]} watched  The series that are watched.
 */

/**
 * An unusual five minutes of a series.
 * @typedef {object} Anomaly
 * @property {number} excess  How far the value lies outside what was expected, signed; 0 where its course is unusual, not its size.
 * @property {number|null} high  Highest expected value.
 * @property {number|null} low  Lowest expected value.
 * @property {Record<string, string>} metric  The series.
 * @property {number} reached_by  In how many of the stretches before it the series was as unusual.
 * @property {number} score  0.5 to 1.
 * @property {number} stretch_seconds  Length of a stretch.
 * @property {number} stretches  How many stretches were compared.
 * @property {string} summary  One sentence.
 * @property {number} time  The end of the five minutes.
 * @property {string} unusual  What is unusual.
 * @property {number|null} value  The mean; of a counter, its rate per second.
 */

/**
 * `/api/v1/ask`
 * @typedef {object} Answer
 * @property {AnswerChart[]} charts  What a chart shows of it; two ranges where two times are compared.
 * @property {null|AnswerMeaning} meaning
 * @property {string|null} missing  What is missing for an answer, and why; `null` where nothing is.
 * @property {string[]} nearest  Questions that are understood, near one that was not.
 * @property {string[]} notes  What should be known beside the sentence, such as words that were read as others, or how much of the time has samples.
 * @property {string|null} page  The page that shows more of it.
 * @property {string|null} query  The query behind the answer, PromQL; `null` where it comes from no series.
 * @property {string} question  The question as it was asked; clipped where it is too long.
 * @property {string|null} refused_word  The word for which the question was refused.
 * @property {AnswerRow[]} rows  The parts of the answer, in the order of the question.
 * @property {string} sentence  The answer, or why there is none, in a sentence.
 * @property {boolean} understood  Whether it was understood.
 * @property {string|null} understood_as  The question of the grammar that a model made of it, where one did.
 */

/**
 * What a chart shows.
 * @typedef {object} AnswerChart
 * @property {number} end  Until when.
 * @property {string} query  PromQL.
 * @property {number} start  From when.
 * @property {number} step  From one instant to the next, seconds.
 */

/**
 * What a question means.
 * @typedef {object} AnswerMeaning
 * @property {number|null} compared_end  Until when that is.
 * @property {number|null} compared_start  From when the time is that is compared with; `null` where nothing is compared.
 * @property {number|null} end  Until when.
 * @property {AnswerName[]} names  The names in it, each with its kind.
 * @property {number|null} start  From when; `null` for now.
 * @property {string} subject  Of what.
 * @property {string} text  In a line.
 * @property {string} wanted  What is wanted: `value`, `highest`, `most`, `compare up`, `why`, `forecast`, …
 */

/**
 * A name in a question.
 * @typedef {object} AnswerName
 * @property {string} kind  What it is of.
 * @property {string} name  The name.
 */

/**
 * A part of an answer.
 * @typedef {object} AnswerRow
 * @property {number|null} compared  The figure of the time that is compared with.
 * @property {string} name  What it is about.
 * @property {string} text  As it is said.
 * @property {number|null} time  When.
 * @property {string} unit  Its unit, as metrics have it: `ratio`, `bytes`, `seconds`, …; empty for a plain number.
 * @property {number|null} value  The figure; `null` where it is none.
 */

/**
 * An earlier time that the same advice was decided on.
 * @typedef {object} Attempt
 * @property {number} at  When it was applied or dismissed.
 * @property {string|null} experiment  The id of the experiment, which may be kept no more; `null` where there was none.
 * @property {AttemptOutcome} outcome  What became of it.
 * @property {string} sentence  The same for people: the sentence of the experiment, or the reason.
 * @property {number} until  Until when that held.
 */

/**
 * What became of advice.
 * @typedef {'dismissed'|'unmeasured'|'verified'|'regressed'|'ineffective'|'inconclusive'|'confounded'|'too_early'|'unknown'} AttemptOutcome
 */

/**
 * The time before that the effect is compared with: it stays as it was known then.
 * @typedef {object} Baseline
 * @property {number} at  When it was frozen: when the advice was accepted, or applied without that.
 * @property {number} hours  How many hours before have values.
 * @property {number|null} mean  The mean of these hours.
 * @property {number|null} start  From when; `null` where no hour has a value.
 */

/**
 * What would be an improvement.
 * @typedef {'lower'|'higher'} Better
 */

/**
 * The tasks of one Task Master tag.
 * @typedef {object} Board
 * @property {number} blocked_tasks  Pending tasks that wait for a dependency, and tasks whose status is blocked.
 * @property {number|null} completion_ratio  Done as a share of all that is not cancelled, 0 to 1; `null` when there is nothing to divide by.
 * @property {null|Cost} cost
 * @property {Record<string, Cost>} cost_by_week  The same by ISO week, such as `2026-W48`.
 * @property {number|null} critical_path_tasks  Tasks on the longest chain of open tasks; `null` while there is a cycle.
 * @property {boolean} current  Whether it is the tag in use.
 * @property {string[]|null} cycle  A cycle among unfinished tasks: each depends on the one after it, and the first stands again at the end.
 * @property {number|null} failure_ratio  Failures as a share of the tasks that ended lately, 0 to 1.
 * @property {BoardFinding[]} findings  What could not be read as it is; the first hundred of a file.
 * @property {null|Forecast} forecast
 * @property {Task[]} items  The tasks, in the order of the file.
 * @property {number} open_tasks  Tasks neither done nor cancelled.
 * @property {string} project  The project's name: that of its folder.
 * @property {number} queue_depth  Pending tasks.
 * @property {number} read_at  When the board was read last.
 * @property {number} ready_tasks  Pending tasks that could be started now.
 * @property {string|null} reason  Why not.
 * @property {string} root  The project's folder.
 * @property {Record<string, number>} subtasks  Subtasks by status, apart from the tasks.
 * @property {string} tag  The tag.
 * @property {Record<string, number>} tasks  Tasks by status.
 * @property {number|null} throughput_per_day  Tasks done a day over the last seven days, or as many of them as were watched.
 * @property {string[]} unknown_statuses  Statuses that Task Master does not have.
 * @property {boolean} up  Whether the files can be read.
 */

/**
 * Something of a board that could not be read as it is.
 * @typedef {object} BoardFinding
 * @property {string|null} field  The field.
 * @property {string|null} task  The task (`3`) or subtask (`3.1`).
 * @property {string} what  What is there, what became of it, and what would be right.
 */

/**
 * A budget of the settings, and how it stands.
 * @typedef {object} Budget
 * @property {number|null} crossed_at  When the limit was reached; `null` where it was not.
 * @property {string} currency  ISO code of all its amounts.
 * @property {number|null} end  When it ends; `null` where it has no end.
 * @property {null|CapacityExhaustion} exhaustion
 * @property {null|Interval} forecast
 * @property {number} limit  The most that is to be spent within the period, or by each task, tag or project.
 * @property {string|null} missing  What is not counted or cannot be told, and why; `null` where nothing is missing.
 * @property {string} name  Its name.
 * @property {string[]} of  What counts: `agents`, `ci`.
 * @property {BudgetPart[]} over  Of such a budget: all that used it up, the dearest first, at most 50.
 * @property {BudgetPer} per  Its period, or what it is for.
 * @property {string|null} project  Only what agents spend on tasks of this project counts; `null`: of all.
 * @property {number|null} start  When the period that is under way began, or when the first was spent; `null` where nothing is known yet.
 * @property {string|null} subject  Of a budget of each task, tag or project: the one that used most, which `used` and the dates are of.
 * @property {string|null} tag  Only what agents spend on tasks of this tag counts; `null`: of all.
 * @property {number|null} used  What was spent since it began; `null` where it is not known.
 */

/**
 * A task, a tag or a project that used a budget up.
 * @typedef {object} BudgetPart
 * @property {number} crossed_at  When the limit was reached.
 * @property {string} name  Its name: `project/tag/id`, `project/tag` or `project`.
 * @property {number} since  When the first of it was spent.
 * @property {number} used  What was spent.
 */

/**
 * How long a budget is for.
 * @typedef {'day'|'week'|'month'|'task'|'tag'|'project'} BudgetPer
 */

/**
 * What the service was built from.
 * @typedef {object} BuildInfo
 * @property {string} application
 * @property {string} branch
 * @property {string} buildDate
 * @property {string} buildUser
 * @property {string} goVersion
 * @property {string} revision
 * @property {string} version
 */

/**
 * Calls from one service to another.
 * @typedef {object} Calls
 * @property {string} client  Who calls.
 * @property {number} errors  How many of the calls failed.
 * @property {number|null} [p95_seconds]  95 % of the calls took no longer.
 * @property {number} requests  How often.
 * @property {string} server  Who is called.
 */

/**
 * What is known of a resource.
 * @typedef {object} Capacity
 * @property {null|CapacityExhaustion} exhaustion
 * @property {Record<string, string>} metric  Which: mount point, repository, unit. None for the CPU and the memory of the machine.
 * @property {string|null} missing  Why the shortfall is not known; `null` where it is, or was not asked for: of what is far from its limit.
 * @property {CapacityResource} resource  What of.
 * @property {null|Interval} shortfall
 * @property {string} unit  Of `shortfall`: `ratio`, a share of what there is, or `runners`.
 * @property {number|null} utilization  The share in use: of the CPU over the last hour, of all else now; `null` where it is not known.
 */

/**
 * When a resource is used up.
 * @typedef {object} CapacityExhaustion
 * @property {number|null} high  At the latest (95 %); `null` where it may also never be.
 * @property {number|null} low  At the earliest (95 %); `null` where it is not known.
 * @property {number|null} value  By the estimate; `null` where it is not before the end of what is forecast.
 */

/**
 * A resource.
 * @typedef {'cpu'|'memory'|'disk'|'runners'} CapacityResource
 */

/**
 * A channel that people are notified over.
 * @typedef {object} Channel
 * @property {number} expired  Notices that were given up since the start, because they could not be delivered for too long.
 * @property {number} failed  Tries that failed since the start.
 * @property {string} kind  What it is.
 * @property {string|null} last_error  Why the last try failed; none once a later one worked.
 * @property {number|null} last_error_at  When that was.
 * @property {number|null} last_sent  When the last one was delivered.
 * @property {string} name  Its name in the settings; `console` and `file` are built in.
 * @property {number|null} next_try  When it is tried again.
 * @property {number|null} oldest  Since when the oldest of them waits.
 * @property {number} sent  Notices that were delivered since the start.
 * @property {DeliveryState} state  How it is doing.
 * @property {string} target  Where notices go, without secrets.
 * @property {number} waiting  Notices that wait.
 */

/**
 * The outcome of a test of a channel.
 * @typedef {object} ChannelTest
 * @property {boolean} delivered  Whether the receiver took it.
 * @property {string|null} error  Why not.
 */

/**
 * `/api/v1/ci/runs`
 * @typedef {object} Ci
 * @property {CiRepository[]} repositories  The repositories that are watched.
 * @property {Source[]} sources  Where they come from.
 */

/**
 * The jobs of one name and outcome in the runs of a workflow.
 * @typedef {object} CiJob
 * @property {string|null} conclusion  How the jobs ended; `null` where that is not known.
 * @property {string|null} job  Name of the job; `null` for those that are not told apart.
 * @property {number|null} jobs  How many jobs; `null` where that is not known.
 * @property {number} seconds  How long they ran together.
 * @property {string} workflow  Name of the workflow.
 * @property {number|null} workflow_id  GitHub's number of the workflow.
 */

/**
 * `/api/v1/ci/jobs`
 * @typedef {object} CiJobs
 * @property {CiRepositoryJobs[]} repositories  The repositories that are watched.
 */

/**
 * A repository on GitHub.
 * @typedef {object} CiRepository
 * @property {number} active  Runs under way.
 * @property {number|null} confirmed_at  When GitHub last said that this is how it is.
 * @property {number} jobs_wanted  Ended runs whose jobs are still to be read.
 * @property {number} jobs_without_times  Jobs whose times are missing or cannot be.
 * @property {string|null} now_named  The name that GitHub has it under, where that is another one.
 * @property {number} queued  Those of them that wait for a runner.
 * @property {number|null} reading_from  Back to when runs are still to be read.
 * @property {string} repo  Its name in the settings, `owner/name`.
 * @property {CiRequests} requests  The budget of requests.
 * @property {CiRun[]} runs  The newest 100 runs.
 * @property {number} runs_known  Runs that are remembered.
 * @property {CiWebhooks} webhooks  Webhooks.
 * @property {boolean} whole  Whether the runs of the past are read.
 * @property {CiWorkflow[]} workflows  The workflows.
 */

/**
 * The jobs of the runs of a repository that ended within a time.
 * @typedef {object} CiRepositoryJobs
 * @property {CiJob[]} jobs  The jobs, the longest together first.
 * @property {string} repo  Its name in the settings, `owner/name`.
 * @property {number} runs  Runs whose jobs are counted.
 * @property {number} seconds  Seconds of their jobs.
 */

/**
 * The budget of requests to GitHub, of all repositories together.
 * @typedef {object} CiRequests
 * @property {number} allowed_an_hour  Requests an hour that the service allows itself.
 * @property {number|null} limit  GitHub's limit an hour; `null` before the first answer.
 * @property {number|null} remaining  What is left of it.
 * @property {number} spent_last_hour  Requests of the last hour that counted against the limit.
 */

/**
 * An attempt of a run.
 * @typedef {object} CiRun
 * @property {number} attempt  Its attempt, from 1.
 * @property {string} branch  Branch of its head.
 * @property {string|null} conclusion  How it ended.
 * @property {number} created  When it was created.
 * @property {number|null} duration_seconds  How long it took.
 * @property {number|null} ended  When it ended.
 * @property {string} event  What set it off.
 * @property {boolean} fork  Whether its head is in another repository.
 * @property {number} id  GitHub's number of the run.
 * @property {number|null} job_seconds  Seconds of its jobs.
 * @property {number} jobs_without_times  Its jobs whose times are missing or cannot be.
 * @property {number} number  Its number among the runs of its workflow.
 * @property {number|null} queue_seconds  How long it waited for its first job.
 * @property {string} sha  Commit of its head; empty where it is not known.
 * @property {number} started  When this attempt began.
 * @property {string} status  As GitHub names it; `completed` when it ended.
 * @property {string} title  What GitHub shows as its title.
 * @property {string} url  Its page.
 * @property {string} workflow  Name of the workflow.
 * @property {number|null} workflow_id  GitHub's number of the workflow.
 */

/**
 * Webhooks of a repository.
 * @typedef {object} CiWebhooks
 * @property {number|null} last  When the last one came.
 * @property {boolean} on  Whether deliveries are accepted.
 */

/**
 * A workflow. A figure without what it is made of is `null`.
 * @typedef {object} CiWorkflow
 * @property {number} active  Runs under way.
 * @property {number} commits  Commits whose runs succeeded or failed.
 * @property {number} flaky_commits  Commits whose runs both failed and succeeded, or succeeded at a later attempt.
 * @property {number|null} flaky_ratio  Flaky commits as a share of the commits whose runs succeeded or failed.
 * @property {number} job_seconds  Seconds of jobs.
 * @property {number} judged_runs  Completed runs that `success_ratio` goes by, those that count for neither included.
 * @property {number|null} p50_before_seconds  The same of the 20 before them.
 * @property {number|null} p50_change_ratio  By how much the median is longer than the one before; needs five runs of each.
 * @property {number|null} p50_seconds  Median duration of the last 20 runs that succeeded or failed.
 * @property {Record<string, number>} runs  Ended runs, by conclusion.
 * @property {string|null} state  `active`, `disabled_manually`, …
 * @property {Record<string, number>} statuses  Runs under way, by status.
 * @property {number|null} success_ratio  Successes as a share of successes and failures among the last 20 completed runs.
 * @property {string|null} url  Its page.
 * @property {number} wasted_seconds  Seconds of the jobs of runs that were cancelled, or whose commit later got a green run.
 * @property {string} workflow  Its name.
 * @property {number|null} workflow_id  GitHub's number of it.
 * @property {string|null} workflow_path  Its file.
 */

/**
 * How sure advice is.
 * @typedef {'low'|'medium'|'high'} Confidence
 */

/**
 * What went on while tasks were in progress. What has no source is left out. Where several tasks were in progress, each has an
 * even share of everything but `wall_seconds`.
 * @typedef {object} Cost
 * @property {number} [active_seconds]  Seconds that coding agents were active.
 * @property {number} [ci_job_seconds]  Seconds of their jobs.
 * @property {number} [ci_runs]  CI runs of commits made meanwhile.
 * @property {number} [cpu_covered_seconds]  The part of the time that the CPU samples cover.
 * @property {number} [cpu_seconds]  CPU time of the whole machine.
 * @property {number} [money]  Money of coding agents, in the unit of its metric (US dollars of Claude Code).
 * @property {number} shared_seconds  The part of it during which other tasks were in progress too.
 * @property {number} [since]  Of a task: from when on it is counted.
 * @property {boolean} [start_seen]  Of a task: whether `since` is when it started. It may have been in progress when the service first saw it.
 * @property {Record<string, number>} [tokens]  Tokens of coding agents, by type.
 * @property {number} [unwatched_seconds]  The part of it during which the service was not running: what agents pushed then is missing.
 * @property {number} wall_seconds  Time in progress.
 */

/**
 * `/api/v1/costs`
 * @typedef {Spent|AgentCosts} Costs
 */

/**
 * @typedef {object} Count
 * @property {string} name
 * @property {number} value
 */

/**
 * How deliveries over a channel are doing.
 * @typedef {'idle'|'waiting'|'failing'} DeliveryState
 */

/**
 * The last alert of the same rule and series.
 * @typedef {object} EarlierAlert
 * @property {Happened[]} before_its_end  What happened within the two minutes before its end, the newest first.
 * @property {string[]} busiest  Who used most then.
 * @property {number} count  How many there are in the history.
 * @property {number} ended_at  When it ended.
 * @property {number} fired_at  When it fired.
 * @property {string|null} reason  Why it ended, where it was not by its value.
 */

/**
 * What the interval says.
 * @typedef {'rose'|'fell'|'unclear'|'not_measured'} EffectDirection
 */

/**
 * A half day after the moment, beside the same one before it.
 * @typedef {object} EffectPair
 * @property {number} after  The mean after.
 * @property {number} before  The mean before.
 * @property {number} t  When the one after the moment begins.
 */

/**
 * How much work it usually is.
 * @typedef {'minutes'|'hours'|'days'} Effort
 */

/**
 * @typedef {object} ErrorResponse
 * @property {string} error  What was wrong, where, and what would be right
 * @property {'bad_data'|'unauthorized'|'forbidden'|'not_found'|'conflict'|'timeout'|'too_large'|'execution'|'unavailable'|'internal'} errorType
 * @property {'error'} status
 */

/**
 * A point on the time line.
 * @typedef {object} Event
 * @property {any|null} data  Particulars, by kind; `null` where there are none.
 * @property {string} id  Its id.
 * @property {string} kind  What kind of thing happened.
 * @property {Severity} severity  `info`, or the severity of an alert.
 * @property {string} source  Who says so: `taskmaster`, `github`, `alert`, `anomaly`, `service`, `advice`, `probe`, `logs`, `note`.
 * @property {string} subject  What it happened to, such as a task's id.
 * @property {number} time  When it happened.
 * @property {string} title  One line for a person.
 */

/**
 * One figure behind a recommendation.
 * @typedef {object} Evidence
 * @property {number|null} high  Upper bound (95 %) of an estimate; `null` for a figure that was counted.
 * @property {number|null} low  Lower bound (95 %) of an estimate; `null` for a figure that was counted.
 * @property {string} name  What it is.
 * @property {string} unit  `ratio`, `bytes`, `seconds`, `count`, `bytes_per_second` or `per_day`; `time` of a moment at which something changed, in seconds since 1970.
 * @property {number|null} value  The figure.
 */

/**
 * A measurement behind a sample.
 * @typedef {object} Exemplar
 * @property {Record<string, string>} labels  Its labels, mostly those of a trace.
 * @property {number} timestamp  When.
 * @property {string} value  What was measured, as text.
 */

/**
 * The effect to expect, as a range.
 * @typedef {object} Expected
 * @property {string} basis  What the range is taken from.
 * @property {number} high  By how much at the most.
 * @property {number} low  By how much at the least.
 * @property {string} unit  As that of evidence; `ratio` is a share of what it is now.
 * @property {string} what  What becomes less.
 */

/**
 * A change that somebody marked, and whether it helped.
 * @typedef {object} Experiment
 * @property {null|Side} after
 * @property {number} at  When the change was made.
 * @property {null|Side} before
 * @property {string|null} control  PromQL of a series that the change did not touch; `null` where none was named.
 * @property {number} created_at  When somebody asked.
 * @property {number} days  The days after it that are compared at the most.
 * @property {null|Interval} difference
 * @property {Better} direction  What would be an improvement.
 * @property {string} expr  What is compared.
 * @property {boolean} final  Whether it stays like this: all days are over.
 * @property {string} id  The same for the same title, query, control and moment.
 * @property {number} judged_at  When this was found; later looks found the same.
 * @property {number|null} judged_from  When it can be judged first; `null` where it never can, or was not judged yet.
 * @property {Record<string, string>} metric  The labels of the series; none before its first judgment.
 * @property {string|null} missing  What is missing to a result; `null` where nothing is.
 * @property {OtherChange[]} others  What else changed within the time that is compared.
 * @property {EffectPair[]} pairs  The half days that were compared.
 * @property {null|Interval} ratio
 * @property {string|null} recommendation  The id of the recommendation whose effect it follows; `null` for a change that somebody marked.
 * @property {string} sentence  The result as a sentence.
 * @property {number} since  Since when that is so.
 * @property {ExperimentState} state  Whether it helped.
 * @property {string} title  What was changed; may be empty.
 * @property {string} unit_of  The metric whose unit the figures have, where the query keeps one; else empty.
 */

/**
 * Whether a change helped.
 * @typedef {'too_early'|'verified'|'regressed'|'ineffective'|'inconclusive'|'confounded'|'unknown'} ExperimentState
 */

/**
 * What is known about why an alert fired. Nothing in it is a cause.
 * @typedef {object} Explanation
 * @property {AgentAtWork[]} agents  Sessions of coding agents that worked then: processes of their agent are among those that used most, or a run that failed was of their commit.
 * @property {Happened[]} before  What happened shortly before it and while its condition began to hold, the newest first.
 * @property {number|null} compared  How many other series were compared; `null` until they are.
 * @property {Usage[]} containers  Units and containers that used CPU, for an alert on the machine's CPU.
 * @property {number} from  When the condition began to hold; at most an hour before it fired.
 * @property {WorkInProgress[]} in_progress  Tasks and CI runs in progress.
 * @property {null|EarlierAlert} last
 * @property {number} left_out  Series that were not compared: there was no time, or too little of their past.
 * @property {string[]} lines  At most three lines for people.
 * @property {MovedSeries[]} moved  What else moved, the most unusual first.
 * @property {number|null} moved_from  From when on they were compared: when the alert's own series began to move.
 * @property {number|null} moved_to  Up to when. An alert that fires at once is compared again when a minute of it has been seen.
 * @property {SaidLine[]} said  The newest log lines that an alert over lines is about, the newest first; at most three.
 * @property {number} seen_seconds  The time that samples of processes stand for.
 * @property {number} to  When it fired.
 * @property {Usage[]} used  Who used the resource of the machine that the alert is about, the most first; last what was not seen by name.
 */

/**
 * A part of the service that does not work.
 * @typedef {object} FailingPart
 * @property {string} part  Which.
 * @property {string} reason  Why.
 */

/**
 * When the open tasks will be done, or why that is not known.
 * @typedef {{ completions: number, p5: number|null, p50: number|null, p85: number|null, p95: number|null, watched_days: number }|{ missing: string }} Forecast
 */

/**
 * A time before which a share of cases should end.
 * @typedef {object} ForecastBound
 * @property {number} share  0 to 1.
 * @property {number} time  The time.
 */

/**
 * How a series was forecast.
 * @typedef {'combination'|'seasonal_naive'} ForecastMethod
 */

/**
 * The forecasts of one board, file system or user of memory.
 * @typedef {object} ForecastRecord
 * @property {ForecastBound[]} bounds  Its times, by share.
 * @property {ForecastScore[]} calibration  How the others turned out.
 * @property {number} cut_short  Those that a restart left open.
 * @property {number} made  Forecasts that are kept, one in six hours.
 * @property {Record<string, string>} metric  Of what; the name is that of the series which says how far it is.
 * @property {number} pending  Those whose last time is not over.
 * @property {ForecastSubject} subject  What is forecast.
 * @property {number|null} time  When the forecast that holds was made; `null` while none does.
 */

/**
 * How often what should come before a time did.
 * @typedef {object} ForecastScore
 * @property {number} held  Those where it came before.
 * @property {number} judged  Forecasts that were judged.
 * @property {number} share  The share of cases that should come before the time.
 */

/**
 * What is forecast: the time at which it happens.
 * @typedef {'board_done'|'disk_full'|'memory_full'} ForecastSubject
 */

/**
 * Forecasts, and how those before turned out.
 * @typedef {object} Forecasts
 * @property {ForecastScore[]} boards  How all forecasts of boards turned out.
 * @property {ForecastScore[]} disks  How all forecasts of file systems turned out.
 * @property {ForecastRecord[]} forecasts  By board, file system, and machine, unit or process.
 * @property {ForecastScore[]} memory  How all forecasts of memory turned out.
 * @property {SeriesForecastRecord[]} series  Series whose forecasts were asked for, the last one first.
 * @property {UndatedForecast[]} undated  File systems and memory that are 40 % full and more, of which no date can be given now, and why.
 */

/**
 * A frame of a subscription.
 * @typedef {object} Frame
 * @property {any[]} data  What the topic is about, written once for all that get it.
 * @property {number} id  The client's number of the subscription.
 * @property {number} seq  Its number in the subscription; a gap means that updates were left out.
 * @property {number} time  When.
 * @property {FrameKind} type  What it is.
 */

/**
 * What a frame of a subscription is.
 * @typedef {'snapshot'|'update'} FrameKind
 */

/**
 * A firing alert.
 * @typedef {object} GettableAlert
 * @property {Record<string, string>} annotations  Texts about it.
 * @property {string} endsAt  Until when it is known to fire, if nothing changes.
 * @property {string} fingerprint  Its id.
 * @property {string} generatorURL  Where the dashboard shows it.
 * @property {Record<string, string>} labels  `alertname`, `severity` and the labels of its series.
 * @property {Receiver[]} receivers  The channels that get it.
 * @property {string} startsAt  When it fired.
 * @property {AlertStatus} status  Whether its notices are held back.
 * @property {string} updatedAt  When this was worked out.
 */

/**
 * A silence.
 * @typedef {object} GettableSilence
 * @property {string} comment  Why.
 * @property {string} createdBy  Who asked.
 * @property {string} endsAt  Until when.
 * @property {string} id  A UUID.
 * @property {SilenceMatcher[]} matchers  All must accept an alert.
 * @property {string} startsAt  From when on.
 * @property {SilenceStatus} status  Where it stands.
 * @property {string} updatedAt  When it was last changed.
 */

/**
 * A change that would have halved the firings of a rule.
 * @typedef {object} HalvedBy
 * @property {number} fired  How often the rule fires on the kept samples as it is.
 * @property {number} fired_then  How often with the change.
 * @property {number|null} value  What is put in the place of what the rule says.
 */

/**
 * Something that happened.
 * @typedef {object} Happened
 * @property {number} at  When.
 * @property {string} kind  What kind of thing it was.
 * @property {string} source  Who says so.
 * @property {string} title  One line.
 */

/**
 * @typedef {object} HeadStats
 * @property {number|null} [chunkCount]
 * @property {number|null} [maxTime]
 * @property {number|null} [minTime]
 * @property {number|null} [numLabelPairs]
 * @property {number} numSeries
 */

/**
 * The health score and what it is made of.
 * @typedef {object} Health
 * @property {UnmeasuredPart[]} missing  What is not in it.
 * @property {HealthPart[]} parts  Its parts.
 * @property {number|null} score  0 to 100; `null` while no resource is measured.
 */

/**
 * `/healthz` and `/readyz`
 * @typedef {object} HealthCheck
 * @property {FailingPart[]} failing  The parts that do not work.
 * @property {HealthVerdict} status  The verdict.
 */

/**
 * One part of the score.
 * @typedef {object} HealthPart
 * @property {string} part  `cpu`, `memory`, `disk`, `alerts`, `sources` or `probes`.
 * @property {number|null} score  0 to 100.
 * @property {number|null} weight  How much of what it lacks is taken from 100: 1 for the worst part, 0.1 for each of the others.
 * @property {string} why  The figure behind it.
 */

/**
 * Whether all works.
 * @typedef {'ok'|'failing'} HealthVerdict
 */

/**
 * A job whose calls are expected.
 * @typedef {object} Heartbeat
 * @property {number} due  When the next call is late.
 * @property {number} every  Seconds within which a call is expected.
 * @property {number} grace  Seconds by which a call may be late.
 * @property {number|null} last_call  When the last call came; `null` if none is kept.
 * @property {string} name  Its name in the settings.
 * @property {HeartbeatState} state  How calls are doing.
 */

/**
 * How the calls of a job are doing.
 * @typedef {'awaited'|'coming'|'late'} HeartbeatState
 */

/**
 * A figure with its 95 % interval.
 * @typedef {object} Interval
 * @property {number} high  The upper end.
 * @property {number} low  The lower end.
 * @property {number} value  The best guess.
 */

/**
 * What the journal holds.
 * @typedef {object} Journal
 * @property {number} age_seconds  How long the oldest of them waits.
 * @property {number} bytes  Their bytes.
 * @property {number} records  Records that are not in chunks yet.
 */

/**
 * How an actor last panicked.
 * @typedef {object} LastPanic
 * @property {string} during  What it was doing: the name of a message or timer.
 * @property {string} message  What the panic said, with its place.
 * @property {number} time  When, Unix seconds.
 */

/**
 * How many lines of a level there are.
 * @typedef {object} LevelVolume
 * @property {number[]} counts  Lines in each bucket.
 * @property {string} level  `trace`, `debug`, `info`, `warn`, `error`, `fatal` or `unknown`.
 * @property {number} total  Lines in all of them.
 */

/**
 * A line of a template.
 * @typedef {object} LogExample
 * @property {string} text  Its text, at most 200 characters, with control characters escaped.
 * @property {string} time  Its time.
 */

/**
 * A log line.
 * @typedef {object} LogLine
 * @property {LogLine[]|null} [after]  The lines of its stream after it, the oldest first; only with `context`.
 * @property {Record<string, string>} attributes  What else is known of it, its level, trace and span among it.
 * @property {LogLine[]|null} [before]  The lines of its stream before it, the oldest first; only with `context`.
 * @property {string} body  The text; what is not UTF-8 is replaced by U+FFFD.
 * @property {Record<string, string>} labels  The labels of its stream.
 * @property {string} ns  The same in nanoseconds since 1970, as text: a number of JSON has not all its digits.
 * @property {Record<string, string>} parsed  What the stages of the query found in it.
 * @property {boolean} replaced  Whether something of the text was replaced.
 * @property {string} severity  `trace`, `debug`, `info`, `warn`, `error`, `fatal` or `unknown`.
 * @property {string|null} [span_id]  The span that it belongs to, in hexadecimal digits.
 * @property {string} time  Its time.
 * @property {string|null} [trace_id]  The trace that it belongs to, in hexadecimal digits.
 */

/**
 * Lines that a query found.
 * @typedef {object} LogLines
 * @property {number} bytes_read  Bytes of text that were read for it.
 * @property {LogLine[]} lines  In the order that was asked for.
 * @property {number} lines_read  Lines that were read for it.
 * @property {boolean} more  Whether there may be more than `limit`.
 */

/**
 * A kind of lines of level `warn` or worse.
 * @typedef {object} LogTemplate
 * @property {boolean} burst  Whether far more of its lines come than usual.
 * @property {number} count  Lines within the time, by whole minutes; the last six hours are counted.
 * @property {LogExample} example  One of its newest lines.
 * @property {string} first_seen  The time of its first line.
 * @property {string} id  The same as long as the template is known, also after a restart.
 * @property {string} last_seen  The time of its newest line.
 * @property {string} level  `warn`, `error` or `fatal`.
 * @property {boolean} new  Whether it is not an hour old, and its service was known before.
 * @property {string} service  The service, by the labels of the stream.
 * @property {string} template  What the lines have in common; `<*>` where they differ.
 */

/**
 * Kinds of error lines.
 * @typedef {object} LogTemplates
 * @property {number} dropped  Lines that were not grouped since the start of the service, since too many came at once.
 * @property {LogTemplate[]} templates  Those with lines within the time, those with most lines first.
 */

/**
 * How many lines there are in each part of a time.
 * @typedef {object} LogVolume
 * @property {number} buckets  How many buckets there are. The last one may end after `end`.
 * @property {LevelVolume[]} levels  The levels that there are lines of.
 * @property {number} start  When the first bucket begins, Unix seconds.
 * @property {number} step  The length of a bucket, seconds.
 */

/**
 * A maintenance window.
 * @typedef {object} Maintenance
 * @property {boolean} active  Whether it holds notices back now.
 * @property {string} comment  Why.
 * @property {string[]} match  Which alerts; empty for all.
 * @property {string} name  Its name.
 * @property {boolean} of_settings  Whether it is in the settings, and so cannot be changed here.
 * @property {string[]} times  When.
 * @property {string|null} timezone  The time zone of the times; none for that of the machine.
 */

/**
 * Samples of a series.
 * @typedef {object} Matrix
 * @property {Metric} metric
 * @property {Array<[number, string]>} values
 */

/**
 * What is compared before and after the advice is carried out.
 * @typedef {object} Measure
 * @property {string|null} control  PromQL of series like it that the change does not touch; `null` where there are none.
 * @property {Better} direction  What would be an improvement.
 * @property {string} query  PromQL that gives one series.
 */

/**
 * The labels of a series, `__name__` among them.
 * @typedef {Record<string, string>} Metric
 */

/**
 * What is known of a metric.
 * @typedef {object} MetricMetadata
 * @property {string} help  One line.
 * @property {string} type  `counter`, `gauge`, `histogram`, `summary`, … or `unknown`.
 * @property {string} unit  Its unit; empty where none is known.
 */

/**
 * A series that moved while the alert began. Values of a counter are rates per second.
 * @typedef {object} MovedSeries
 * @property {number} high  The upper end of that.
 * @property {number} low  Where nine in ten of its means were before.
 * @property {Record<string, string>} metric  Its labels, `__name__` among them.
 * @property {number} reached_by  In how many of the windows before it was as far away.
 * @property {number} score  By what it is ranked.
 * @property {string} text  As it is said.
 * @property {number} together  How closely it followed the alert's own course, -1 to 1.
 * @property {number} value  Its mean within the window.
 * @property {number} windows  How many windows before were compared.
 * @property {number} z  How far it is from what is usual, in robust standard deviations; at most 1000.
 */

/**
 * `/api/v1/rules/{name}`
 * @typedef {object} NamedRule
 * @property {string} file  Where it comes from: `Settings.toml`, a rule file, or `rest`.
 * @property {string} name  Its name.
 * @property {any} rule  What it says, with the keys of *Alert rules*.
 * @property {number|null} updated_at  When it was given last.
 * @property {number} version  How often it was given over REST; 0 for a rule of a file.
 */

/**
 * What is said where no date can be.
 * @typedef {'may_never'|'too_early'} NoDate
 */

/**
 * Another change within the time that is compared.
 * @typedef {object} OtherChange
 * @property {number} at  When it was.
 * @property {string} id  Its id.
 * @property {string} kind  `experiment` or `recommendation`.
 * @property {string} title  What it is called.
 */

/**
 * What became of a delivery.
 * @typedef {object} Outcome
 * @property {string} outcome  `accepted`, `ignored` (nobody watches what it is about) or `replayed` (it came before).
 */

/**
 * Samples on their way, counted since the start.
 * @typedef {object} Pipeline
 * @property {number} appended_batches  Batches kept.
 * @property {number} appended_samples  Samples kept.
 * @property {number} batcher_waiting  Samples that wait in the batcher.
 * @property {Record<string, number>} dropped  Samples lost, by stage and reason.
 * @property {number} duplicate_samples  Samples that were there already.
 * @property {number} late_samples  Samples that came after their one-minute window had closed.
 * @property {Record<string, number>} rejected  Samples refused, by reason.
 */

/**
 * A profile that would have halved the notices.
 * @typedef {object} ProfileOffer
 * @property {number} fired  Alerts of weight (notice and worse) that fired.
 * @property {number} fired_then  How many would have with it.
 * @property {number} notices  About how many notices these made for a channel, by `notify.group_interval`.
 * @property {number} notices_then  How many there would have been with it.
 * @property {string} profile  `alerts.profile`
 */

/**
 * An alert as Prometheus answers it, with the fields of [`Alert`] beside.
 * @typedef {AlertDetails & { activeAt: string, annotations: Record<string, string>, labels: Record<string, string>, value: string }} PrometheusAlert
 */

/**
 * A channel.
 * @typedef {object} Receiver
 * @property {string} name  Its name.
 */

/**
 * Advice with its evidence.
 * @typedef {object} Recommendation
 * @property {number|null} accepted_at  When someone meant to do it; `null` where nobody did.
 * @property {string} action  What to do first.
 * @property {number|null} applied_at  When it was done; `null` where it was not.
 * @property {Attempt[]} attempts  What became of the same advice before, the oldest first.
 * @property {null|Baseline} baseline
 * @property {null|Confidence} confidence
 * @property {number} created  When it was first given.
 * @property {null|Effort} effort
 * @property {number} end  Until when.
 * @property {Evidence[]} evidence  The figures.
 * @property {null|Expected} expected
 * @property {string|null} expected_missing  Why no effect can be expected in figures; `null` where `expected` is there.
 * @property {string|null} experiment  The id of the experiment that follows its effect.
 * @property {number|null} gone_at  Since when its evidence is gone, where its verdict is still waited for.
 * @property {string} id  The same for the same advice about the same thing.
 * @property {string} kind  What it is about: `cpu`, `memory`, `disk`, `board`, `duration`, `ci`, `probe`, `source`, `unit`, `service`.
 * @property {string} matters  Why it matters: what happens while nobody acts.
 * @property {null|Measure} measure
 * @property {string|null} measure_missing  Why its effect cannot be measured; `null` where `measure` is there.
 * @property {number} priority  How much it matters times how sure it is, 1 to 9: the order of the list, and nothing else. 0 for advice that is no longer given.
 * @property {string} query  The series to look at.
 * @property {string|null} reason  Why it is not wanted; `null` where nobody said.
 * @property {string} refuted_by  What would show that the advice is wrong.
 * @property {null|SeemsApplied} seems_applied
 * @property {Severity} severity  How much it matters.
 * @property {number} start  From when.
 * @property {RecommendationStatus} status  Where it stands.
 * @property {string[]} steps  What to do, step by step: `action`, and what comes after it.
 * @property {string} title  One line.
 * @property {number} updated  When it last changed.
 * @property {null|Verdict} verdict
 * @property {string|null} verdict_missing  Why there is no verdict, of advice that was applied; `null` where there is one.
 * @property {string} why  What was seen.
 */

/**
 * Where a recommendation stands.
 * @typedef {'open'|'accepted'|'dismissed'|'applied'|'withdrawn'} RecommendationStatus
 */

/**
 * A store of log lines or of spans.
 * @typedef {object} Records
 * @property {string[]} days  Days that have files.
 * @property {number} disk_bytes  Bytes on the disk, the journal included.
 * @property {number} head  Those in memory that are in no file yet.
 * @property {number} kept  Lines or spans in files.
 * @property {number} max_bytes  Bytes beyond which the oldest days are deleted; 0 for no bound.
 * @property {number} retention_seconds  How long they are kept.
 * @property {number} streams  Streams of the newest day; of spans these are services.
 * @property {number} text_bytes  Bytes of the text of those in files, before compression.
 */

/**
 * A rule. Recording rules have no alerts.
 * @typedef {object} Rule
 * @property {PrometheusAlert[]} alerts  Its alerts, unless they were not wanted.
 * @property {Record<string, string>} annotations  Its annotations: templates.
 * @property {number} cooldown  Shortest time between two firings, seconds.
 * @property {number} duration  How long the condition must hold, seconds.
 * @property {number} evaluationTime  How long the last evaluation took, seconds.
 * @property {string} health  `ok`, `err`, or `unknown` before it was evaluated.
 * @property {number} keepFiringFor  How long an alert goes on after its condition has ended, seconds.
 * @property {Record<string, string>} labels  Its labels.
 * @property {string|null} [lastError]  Why it could not be evaluated.
 * @property {string} lastEvaluation  When it was evaluated last, or judged a sample; year 1 if it was not yet.
 * @property {string|null} metric  The metric that its condition is about.
 * @property {string} name  Its name; of a recording rule, that of the metric.
 * @property {string[]} notes  What is worth knowing: one of its templates cannot be expanded, nothing matches it, or samples were not judged.
 * @property {string|null} op  The comparison of its condition, where that is with a fixed number.
 * @property {boolean} over_lines  Whether the condition is LogQL, over log lines.
 * @property {string} query  Its condition, as written.
 * @property {string[]} remediation  What to do about its alerts.
 * @property {Severity} severity  How bad its alerts are.
 * @property {RuleState} state  The worst state of its alerts.
 * @property {number|null} threshold  What the value is compared with.
 * @property {string} type  `alerting` or `recording`.
 * @property {string|null} [unless]  Series for which this has a result are left out.
 */

/**
 * A firing that would have been.
 * @typedef {object} RuleFiring
 * @property {number} fired_at  When it would have fired.
 * @property {Record<string, string>} labels  The labels of its series.
 * @property {number} pending_since  Since when its condition held.
 * @property {number|null} resolved_at  When it would have ended; `null` if it still fires at the end.
 * @property {number|null} value  The value at which it would have fired.
 */

/**
 * Rules that are evaluated together.
 * @typedef {object} RuleGroup
 * @property {number} evaluationTime  How long the last evaluation took, seconds.
 * @property {string} file  Its file; `Settings.toml`, or `rest` for rules that were given over REST.
 * @property {number} interval  Time between evaluations, seconds. Rules that compare samples with a number judge each sample besides.
 * @property {string} lastEvaluation  When it was evaluated last; year 1 if it was not yet.
 * @property {number} limit  Most results of a rule; 0 for no limit.
 * @property {number} missed  Evaluations that were left out, because the one before was not done.
 * @property {string} name  Its name.
 * @property {number} queryOffset  How far in the past it is evaluated, seconds.
 * @property {Rule[]} rules  The rules.
 */

/**
 * What a rule did.
 * @typedef {object} RuleNoise
 * @property {number} acknowledged  How many of these somebody acknowledged.
 * @property {number} ended_within_a_minute  How many ended by themselves within a minute.
 * @property {number} fired  How often it fired.
 * @property {null|HalvedBy} halved_by_for
 * @property {null|HalvedBy} halved_by_threshold
 * @property {number} notifications  Notifications of it that channels other than console and file delivered.
 * @property {string} rule  Its name.
 * @property {Severity} severity  How bad its alerts were.
 */

/**
 * `/api/v1/rules/preview`
 * @typedef {object} RulePreview
 * @property {number} end  Until when.
 * @property {number} fired  How often it would have fired.
 * @property {number} firing_seconds  How long its alerts would have fired, seconds.
 * @property {RuleFiring[]} firings  The newest firings, the newest first; at most 1000.
 * @property {number} judged  Samples, or instants, at which it would have been judged.
 * @property {number} notices  About how many notices a channel would have got of these firings, by `notify.group_interval`.
 * @property {number} series  Series that it would have judged.
 * @property {number} start  From when on.
 * @property {number|null} step_seconds  Time between evaluations, seconds; `null` where each sample is judged.
 * @property {number} too_short  How often its condition would have held for too short a time.
 */

/**
 * The worst state of a rule's alerts.
 * @typedef {'inactive'|'pending'|'firing'} RuleState
 */

/**
 * `/api/v1/rules`
 * @typedef {object} Rules
 * @property {string|null} [groupNextToken]  Where the next answer goes on, if `group_limit` left groups out.
 * @property {RuleGroup[]} groups  The groups that have rules that were asked for.
 */

/**
 * What runs.
 * @typedef {object} RuntimeInfo
 * @property {string} lastConfigTime
 * @property {boolean} reloadConfigSuccess
 * @property {string} serverTime
 * @property {string} startTime
 * @property {string} storageRetention  A duration: `30d`.
 */

/**
 * A log line that is cited.
 * @typedef {object} SaidLine
 * @property {number} at  Its time.
 * @property {string} text  Its text, at most 200 characters, with control characters escaped.
 */

/**
 * Something on the time line that looks as if the advice was carried out.
 * @typedef {object} SeemsApplied
 * @property {number} at  When that was: post it as `at` to `…/applied` where it is true.
 * @property {string} what  What it was.
 */

/**
 * `/api/v1/effect`
 * @typedef {object} SeriesEffect
 * @property {null|Side} after
 * @property {number} at  The moment of the change.
 * @property {null|Side} before
 * @property {null|Interval} difference
 * @property {EffectDirection} direction  What the interval says.
 * @property {Record<string, string>} metric  The labels of the series.
 * @property {string|null} missing  Why nothing is measured; `null` where something is.
 * @property {EffectPair[]} pairs  The half days that were compared.
 * @property {null|Interval} ratio
 * @property {string} sentence  The result as a sentence.
 */

/**
 * The exemplars of a series.
 * @typedef {object} SeriesExemplars
 * @property {Exemplar[]} exemplars  Its exemplars, by rising time.
 * @property {Record<string, string>} seriesLabels  Its labels.
 */

/**
 * The forecast of a series, as columns: of each step its time, the interval and the centre.
 * @typedef {object} SeriesForecast
 * @property {number[]} high  Upper ends.
 * @property {number[]} low  Lower ends of the interval.
 * @property {number[]} mean  The centre: as likely above as below.
 * @property {null|ForecastMethod} method
 * @property {Record<string, string>} metric  Its labels.
 * @property {string|null} missing  Why there is no forecast, or why it reaches less far than it should; `null` where nothing is missing.
 * @property {number[]} t  The ends of the steps.
 */

/**
 * How the forecasts of a series turned out.
 * @typedef {object} SeriesForecastRecord
 * @property {number} held  Those that lay within the interval.
 * @property {number} horizon  How far ahead, seconds.
 * @property {number} judged  Means of steps of the others, at most 12 of each forecast.
 * @property {number} level  Which share of means the interval is to hold.
 * @property {number} made  Forecasts that are kept, one in six hours.
 * @property {Record<string, string>} metric  Which of its series.
 * @property {number} pending  Those that are not over.
 * @property {string} query  The query.
 * @property {number} time  When the newest was made.
 */

/**
 * `/api/v1/forecast`
 * @typedef {object} SeriesForecasts
 * @property {number} horizon  How far ahead it was to reach, seconds.
 * @property {number} level  Which share of values the interval is to hold.
 * @property {SeriesForecast[]} series  Those that were forecast.
 * @property {number} start  From when on the past was read.
 * @property {number} step  How long a step is, seconds: what is forecast are means of steps.
 * @property {number} time  The end of the past that it was made from.
 * @property {number} total  How many series there are; no more than 12 of them are forecast.
 */

/**
 * Figures of a service.
 * @typedef {object} ServiceFigures
 * @property {number|null} [error_ratio]  The share of requests that failed; null without requests.
 * @property {number} errors  Those of them that failed.
 * @property {number|null} [p50_seconds]  Half of the requests took no longer.
 * @property {number|null} [p95_seconds]  95 % of the requests took no longer.
 * @property {number|null} [p99_seconds]  99 % of the requests took no longer.
 * @property {number|null} [rate]  Requests a second.
 * @property {number} requests  Spans with which it began to work for somebody.
 * @property {string} service  `service.name`; of what sends no spans itself, the name that its clients give it.
 * @property {number} spans  Its spans; 0 where it is known from its clients alone, whose figures these are then.
 */

/**
 * Services and the calls between them.
 * @typedef {object} ServiceMap
 * @property {Calls[]} edges  By client and server.
 * @property {boolean} more  Whether there are older spans within the time, which are not counted.
 * @property {ServiceFigures[]} services  By name.
 * @property {string} since  From when on spans are counted: the start that was asked for, or later where there are too many spans.
 * @property {number} spans_read  Spans that were counted.
 */

/**
 * A service and what its spans are called.
 * @typedef {object} ServiceNames
 * @property {string[]} names  Names of its spans, as far as the newest spans have them.
 * @property {string} service  The service.
 */

/**
 * How the service is doing.
 * @typedef {'starting'|'ok'|'degraded'|'stopping'} ServiceState
 */

/**
 * How bad something is.
 * @typedef {'debug'|'info'|'notice'|'warning'|'error'|'critical'} Severity
 */

/**
 * A metric or a label and how many series have it.
 * @typedef {object} Share
 * @property {string} name  The metric, or the label.
 * @property {number} series  Series with it.
 * @property {number} [values]  Values of the label; left out for a metric.
 */

/**
 * One side of the comparison.
 * @typedef {object} Side
 * @property {number} end  Until when.
 * @property {number} mean  The mean of the hours that both sides have.
 * @property {number} start  From when.
 */

/**
 * One condition on one label.
 * @typedef {object} SilenceMatcher
 * @property {boolean} isEqual  `false`: the value must differ.
 * @property {boolean} isRegex  Whether `value` is a regular expression.
 * @property {string} name  The label's name.
 * @property {string} value  What its value is compared with.
 */

/**
 * Where a silence stands.
 * @typedef {object} SilenceStatus
 * @property {string} state  `pending`, `active` or `expired`.
 */

/**
 * A snapshot that is durable.
 * @typedef {object} Snapshot
 * @property {string} name
 * @property {string} path  On the machine of the service.
 */

/**
 * A source.
 * @typedef {object} Source
 * @property {string|null} hint  What would make an absent source work.
 * @property {number|null} last_sample  Time of its newest sample.
 * @property {string|null} reason  Why it cannot be read; or, where it works, what of it is wrong.
 * @property {number} samples  Samples so far.
 * @property {number} since  Since when it is as it is.
 * @property {string} source  Its name.
 * @property {boolean|null} up  `true` where it works, `false` where it cannot be read, `null` where there is nothing to read.
 */

/**
 * A span.
 * @typedef {object} Span
 * @property {Record<string, string>} attributes  What else is known of it.
 * @property {number} dropped  Attributes, events and links that its sender or the bounds dropped.
 * @property {number} duration_seconds  How long it took, seconds; 0 where its end is not after its start.
 * @property {SpanEvent[]} events  What happened within it.
 * @property {string} kind  `unspecified`, `internal`, `server`, `client`, `producer` or `consumer`.
 * @property {SpanLink[]} links  Other spans that it has to do with.
 * @property {string} message  What is said of that.
 * @property {string} name  What is done.
 * @property {string|null} [parent_span_id]  The span that it is part of; null for none.
 * @property {Record<string, string>} resource  What is known of the resource.
 * @property {SpanScope} scope  The library that made it.
 * @property {string} service  `service.name`, or `unknown_service`.
 * @property {string} span_id  16 hexadecimal digits.
 * @property {string} start  When it began.
 * @property {string} status  `unset`, `ok` or `error`.
 */

/**
 * Something that happened within a span.
 * @typedef {object} SpanEvent
 * @property {Record<string, string>} attributes  What else is known of it.
 * @property {string} name  What.
 * @property {string} time  When.
 */

/**
 * Another span that a span has to do with.
 * @typedef {object} SpanLink
 * @property {Record<string, string>} attributes  What is known of it.
 * @property {string} span_id  16 hexadecimal digits.
 * @property {string} trace_id  32 hexadecimal digits.
 */

/**
 * The library that made a span.
 * @typedef {object} SpanScope
 * @property {string} name
 * @property {string} version
 */

/**
 * What was used in a range of time, whoever used it. A figure without a source is `null`.
 * @typedef {object} Spent
 * @property {number|null} active_seconds  Seconds that coding agents were active.
 * @property {number|null} cpu_covered_seconds  The part of the time that the CPU samples cover.
 * @property {number|null} cpu_seconds  CPU time of the whole machine.
 * @property {string|null} currency  Its currency, as the names of the metrics say it; `null` where they name none, or several.
 * @property {number|null} money  Money of coding agents.
 * @property {Record<string, number>} tokens  Tokens of coding agents, by type.
 */

/**
 * The service: its actors, sources, pipeline, store and problems.
 * @typedef {object} Status
 * @property {Actor[]} actors  The actors.
 * @property {string[]} addresses  Where it listens.
 * @property {Health} health  The health score.
 * @property {boolean} login  Whether clients must log in.
 * @property {null|Records} [logs]
 * @property {ActionRun[]} needs_person  Runs of actions that a person should look at, the newest first.
 * @property {number} pid  Its process.
 * @property {Pipeline} pipeline  Samples on their way.
 * @property {string[]} problems  What is wrong, one line each.
 * @property {number} sessions  WebSocket sessions.
 * @property {Source[]} sources  The sources.
 * @property {number} started_at  When it started.
 * @property {ServiceState} state  How it is doing.
 * @property {Store} store  The store.
 * @property {Target[]} targets  The targets of probes.
 * @property {null|Records} [traces]
 * @property {number} uptime_seconds  How long it has been running.
 * @property {string} version  Its version.
 * @property {WindowCounts[]} windows  Windows, by length.
 */

/**
 * The store.
 * @typedef {object} Store
 * @property {string} data_dir  Where it is.
 * @property {number} disk_bytes  Bytes of the data directory on the disk, as last measured.
 * @property {number} dormant_series  Those of them that nobody has written to for hours.
 * @property {number} exemplars  Exemplars kept.
 * @property {number} format  Format of the directory.
 * @property {number} head_samples  Samples that are not in chunks yet.
 * @property {Journal} journal  The journal.
 * @property {number} max_bytes  Bytes beyond which the oldest days are deleted; 0 for no bound.
 * @property {number} max_series  Series at the most.
 * @property {number} open_partitions  How many of them are open.
 * @property {number} partition_hits  How often one was open when it was wanted.
 * @property {number} partition_opens  How often one had to be opened.
 * @property {string[]} partitions  Days that have a partition.
 * @property {number} retention_seconds  How long samples are kept.
 * @property {number} series  Series known.
 * @property {Share[]} top_labels  The labels with the most values.
 * @property {Share[]} top_metrics  The metrics with the most series.
 * @property {number} windows_retention_seconds  How long windows of an hour and longer are kept.
 */

/**
 * A target of a probe.
 * @typedef {object} Target
 * @property {string} address  What is asked, without user, values of its query and arguments: they may be secrets.
 * @property {number|null} certificate_expires  When the first certificate of its chain ends.
 * @property {number|null} checked_at  When it was last checked.
 * @property {number|null} duration_seconds  How long the last check took.
 * @property {number|null} http_status  The status of its last answer.
 * @property {number} interval_seconds  Time between checks.
 * @property {TargetKind} kind  How it is checked.
 * @property {string|null} reason  Why it is not.
 * @property {number|null} since  Since when it is as it is.
 * @property {string} target  Its name.
 * @property {boolean|null} up  Whether it is up; `null` before the first check, and where it cannot be checked.
 */

/**
 * How a target is checked.
 * @typedef {'http'|'tcp'|'command'} TargetKind
 */

/**
 * What a scraped program says of a metric. Which program is not kept.
 * @typedef {MetricMetadata & { metric: string, target: Record<string, string> }} TargetMetadata
 */

/**
 * A task.
 * @typedef {object} Task
 * @property {number|null} complexity  Its score in Task Master's complexity report, where there is one.
 * @property {null|Cost} cost
 * @property {string[]} dependencies  Ids of the tasks (`3`) and subtasks (`3.1`) to be done before.
 * @property {number|null} execution_seconds  How long it took the last time it became done, as far as that was seen from its start.
 * @property {string} id  Its id within the tag; without a readable one its place in the list, `#4`.
 * @property {number|null} in_progress_since  Since when it is in progress; `null` when the start was not seen.
 * @property {string} priority  Its priority; empty where the file has none.
 * @property {boolean} ready  Whether it could be started now.
 * @property {string} status  Its status.
 * @property {number} subtasks_done  Subtasks that are done.
 * @property {number} subtasks_total  All its subtasks.
 * @property {string} title  Its title; empty where the file has none.
 * @property {number|null} updated_at  When it or one of its subtasks last changed.
 */

/**
 * `/api/v1/tasks`
 * @typedef {object} Tasks
 * @property {Board[]} boards  One board for each tag of each project.
 * @property {Source[]} sources  Where they come from.
 */

/**
 * A trace.
 * @typedef {object} Trace
 * @property {number} duration_seconds  From then to the last end, seconds.
 * @property {number} errors  Spans that ended with an error.
 * @property {number} missing_parents  Spans whose parent is not among the spans.
 * @property {boolean} more  Whether the trace has more spans: these are the first 10,000, or fewer large ones.
 * @property {string[]} services  The services that have spans in it.
 * @property {Span[]} spans  By their start.
 * @property {string} start  When the first span began.
 * @property {string} trace_id  32 hexadecimal digits.
 */

/**
 * Traces that a query found.
 * @typedef {object} TraceList
 * @property {boolean} more  Whether there are more than `limit`.
 * @property {number} spans_read  Spans that were read for it.
 * @property {TraceRow[]} traces  By their newest span that matched, the newest first.
 */

/**
 * What the form of a search offers.
 * @typedef {object} TraceNames
 * @property {boolean} more  Whether there are more services or names than are given.
 * @property {ServiceNames[]} services  The services with spans in the range, by name.
 * @property {number} spans_read  Spans that were read for the names: the newest ones.
 */

/**
 * A trace.
 * @typedef {object} TraceRow
 * @property {number} duration_seconds  From then to the last end, seconds.
 * @property {number} errors  How many of them ended with an error.
 * @property {TraceSpan[]} matched  The first spans that the query left, three at the most.
 * @property {boolean} more_spans  Whether it has more spans than are read of a trace: all counts are of those.
 * @property {string} name  The name of that span.
 * @property {boolean} root  Whether the root span is there.
 * @property {string} service  The service of the root span; of the first span, where `root` is false.
 * @property {TraceService[]} services  Its services, that with most spans first.
 * @property {number} spans  How many spans it has.
 * @property {string} start  When the first span began.
 * @property {string} trace_id  Its id, 32 hexadecimal digits.
 */

/**
 * What a service has of a trace.
 * @typedef {object} TraceService
 * @property {number} errors  Those that ended with an error.
 * @property {string} service  The service.
 * @property {number} spans  Its spans.
 */

/**
 * A span that a query left.
 * @typedef {object} TraceSpan
 * @property {Record<string, string>} attributes  What the query names of it.
 * @property {number} duration_seconds  How long it took, seconds.
 * @property {string} name  What is done.
 * @property {string} service  The service.
 * @property {string} span_id  Its id, 16 hexadecimal digits.
 * @property {string} start  When it began.
 * @property {string} status  `unset`, `ok` or `error`.
 */

/**
 * What the store holds. What it does not count is `null`, or an empty list.
 * @typedef {object} TsdbStatus
 * @property {HeadStats} headStats
 * @property {Count[]} labelValueCountByLabelName
 * @property {Count[]} memoryInBytesByLabelName
 * @property {Count[]} seriesCountByLabelValuePair
 * @property {Count[]} seriesCountByMetricName
 */

/**
 * A file system or a user of memory for which there is no date at which it will be full.
 * @typedef {object} UndatedForecast
 * @property {NoDate} answer  What is said.
 * @property {number} level  How full it is, 0 to 1.
 * @property {Record<string, string>} metric  Of what: the series of its level.
 * @property {string} reason  Why there is no date, in a sentence.
 * @property {ForecastSubject} subject  What is asked.
 */

/**
 * A part that could not be measured.
 * @typedef {object} UnmeasuredPart
 * @property {string} part  Which; `all` before the first measurement.
 * @property {string} why  Why.
 */

/**
 * How much of a resource one of its users took.
 * @typedef {object} Usage
 * @property {number|null} cpu_seconds  CPU time.
 * @property {UsageKind} kind  What it is.
 * @property {number} mean  The mean over the time that was seen: cores, bytes, or bytes per second.
 * @property {string} name  Its name; empty for what was not seen by name.
 * @property {number|null} processes  Most processes of the name at the same time.
 * @property {number|null} share  The mean as a share of the machine's cores.
 * @property {string} text  As it is said.
 */

/**
 * What kind of user of a resource something is.
 * @typedef {'process'|'children'|'container'|'unseen'} UsageKind
 */

/**
 * What the experiment says of advice that was applied.
 * @typedef {object} Verdict
 * @property {number|null} after  The mean after.
 * @property {number|null} before  The mean before; `null` where nothing is measured, as are the next ones.
 * @property {null|Interval} difference
 * @property {boolean} final  Whether it stays like this.
 * @property {number|null} judged_from  When it can be judged first; `null` where it never can.
 * @property {string|null} missing  What is missing to a result; `null` where nothing is.
 * @property {null|Interval} ratio
 * @property {string} sentence  The result as a sentence.
 * @property {number} since  Since when that is so.
 * @property {ExperimentState} state  Whether it helped.
 */

/**
 * A series that is watched for anomalies.
 * @typedef {object} WatchedSeries
 * @property {number} judged  How many windows of five minutes were judged.
 * @property {boolean} learning  Whether they are too few to report anything.
 * @property {Record<string, string>} metric  The series.
 * @property {number} newest  The end of the newest one.
 */

/**
 * The statistics of one series over one closed window.
 * @typedef {object} Window
 * @property {number|null} avg  Their mean.
 * @property {number|null} count  Samples.
 * @property {number} end  The first instant after it.
 * @property {number|null} first  The earliest.
 * @property {number|null} last  The latest.
 * @property {number|null} max  The largest.
 * @property {Record<string, string>} metric  The labels of the series, `__name__` among them.
 * @property {number|null} min  The smallest.
 * @property {number} start  Its first instant.
 * @property {number|null} stddev  Standard deviation of the population.
 * @property {number|null} sum  Their sum.
 * @property {string} window  Its length: `1m`, `5m`, `15m`, `1h`, `6h` or `24h`.
 */

/**
 * Windows of one length.
 * @typedef {object} WindowCounts
 * @property {number} closed  Windows closed since the start.
 * @property {number} late_samples  Samples that came after their window had closed.
 * @property {string} window  Their length: `1m`, `5m`, `15m`, `1h`, `6h` or `24h`.
 */

/**
 * A task or a CI run in progress.
 * @typedef {object} WorkInProgress
 * @property {number} since  Since when.
 * @property {string|null} title  Its title.
 * @property {string} what  Which.
 */

export {}
