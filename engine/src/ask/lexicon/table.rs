//! The table of words: phrases that do the same stand in one line.

use super::{Ask, Atom, Mark};
use crate::ask::meaning::{Stat, Trend};

use Atom as A;
use Mark::{Before, Better, Ever, Extreme, Is, Lately, Limit, Never, Not, Now, Prior, Since, Skip, Than, Was, Will};

const UP: Mark = Mark::Trend(Trend::Up);
const DOWN: Mark = Mark::Trend(Trend::Down);
const HIGH: Mark = Extreme(true);
const LOW: Mark = Extreme(false);

const fn ask(ask: Ask) -> Mark {
    Mark::Ask(ask)
}

const fn stat(stat: Stat) -> Mark {
    Mark::Stat(stat)
}

/// The words, and phrases of several; those of one line do the same.
pub(super) const LEXICON: &[(&str, &[Mark])] = &[
    // What changes nothing.
    (
        "a|an|the|of|on|in|at|for|with|to|from|by|about|soon|return|returns|data|metric|bytes|become|becomes|became|within|during|into|please|pls|hey|hi|hello|taskpulse,|me|my|our|we|i|us|you|your|it|its|they|their|them|this|that|these|those|there|here|so|then|just|currently running on|can|could|would you|do|does|be|been|being|and what about|ok so|tell|give|know|let|like to know|want to know|wonder|right|much of a|kind of|out|if any|any of|some|all of|all the|overall|in total for|exactly|roughly|approximately|about how|see|look|looks|looking|get|gets|getting|got|going|go|goes|went|doing|took|takes|take|taking|need|needs|needed|say|thanks|thank you|thx|today so far|so far|up until now|happening to|level|levels|value|values|figure|figures|number for|readings|current value|stats|statistics|information|info|one|ones|of all|amount|amount of|utilisation|utilization|percentage|percent used|everyone's",
        &[Skip],
    ),
    ("is|are|am|do we have|have we got|is there|are there|isn it|does it|do i|do we|did we get", &[ask(Ask::Yes)]),
    ("was|were|did|had|has been|have been|was there|were there|did it|did we|did i|used to be", &[ask(Ask::Yes), Was]),
    ("has|have", &[ask(Ask::Yes)]),
    ("will|going to|gonna|expected to|about to|will be|is going to", &[Will]),
    // Negations: what is left would be another question.
    (
        "not|no|never|none|nobody|nothing|without|except|excluding|exclude|apart|besides|but|isn't|aren't|wasn't|weren't|doesn't|don't|didn't|hasn't|haven't|won't|can't|cannot|couldn't|shouldn't|wouldn't|isnt|arent|wasnt|doesnt|dont|didnt|hasnt|havent|wont|cant|neither|nor|unless|other than|instead|rather|un|non|minus|ignoring|hardly|barely|rarely|few of|only|unlike",
        &[Not],
    ),
    // Question words.
    ("how many|how many times are|number of|count|count of|the count|how many of", &[ask(Ask::HowMany)]),
    (
        "how much|how much of|how high|how far|how deep|how low|what percentage of|what share of|what percent of|which share of|how heavy|how heavily|how strong",
        &[ask(Ask::HowMuch)],
    ),
    ("how hot|how warm|how cold", &[ask(Ask::HowMuch), Is(A::Temperature)]),
    ("how big|how large", &[ask(Ask::HowMuch), Is(A::Size)]),
    (
        "how many gb|how many gib|how many gigabytes|how many gigs|how many mb|how many mib|how many megabytes|how many bytes|how many tb|how many terabytes",
        &[ask(Ask::HowMuch), Is(A::Size)],
    ),
    (
        "how long until|how soon|how long before|how long till|when do i expect|when can we expect|what date|how much time until|how much time is left until|how much longer until|how many days until|how many hours until|how many weeks until|how many days are left until|how many days before",
        &[ask(Ask::When), Will],
    ),
    ("how long|how much time|for how long|what time does it take|duration in which", &[ask(Ask::HowLong)]),
    ("how often|how many times|how frequently|how regularly", &[ask(Ask::HowOften)]),
    ("how fast|how quick|how quickly|how slow|how slowly", &[ask(Ask::HowFast)]),
    ("how far are we|how far along|how far have we|how far is it", &[ask(Ask::HowMuch), Is(A::Board)]),
    ("what used|who used|which used", &[ask(Ask::What), Is(A::Use)]),
    ("how|how about|what about|how does it", &[ask(Ask::How)]),
    ("when|what time|at what time|at which time|which day|what day|on which day|on what day|when exactly", &[ask(Ask::When)]),
    ("since when|since what time|from when on", &[ask(Ask::When), Since]),
    (
        "why|how come|what caused|what causes|what made|what makes|reason for|reason why|what is the reason|the reason|explain|what drove|what led to|what is behind|because of what|what is causing|what triggered|what set off|what raised|what triggers|due to what",
        &[ask(Ask::Why)],
    ),
    ("which|which of|what kind of|whose|which one|which ones", &[ask(Ask::Which)]),
    ("what|what is|what are|what was|what were|wat|whats|what do|what does|what did", &[ask(Ask::What)]),
    ("who|whom|who is", &[ask(Ask::Who)]),
    ("where|where is", &[ask(Ask::Where)]),
    ("show|list|display|plot|chart|graph|draw|print|find|fetch|give me|show me|tell me|let me see|report|enumerate", &[ask(Ask::Show)]),
    ("compare|comparison|compare the|comparison of|difference|difference between|diff", &[ask(Ask::Compare)]),
    // Times that are no ranges.
    (
        "now|right now|currently|at the moment|at present|current|present|presently|live|atm|this moment|at this moment|nowadays|still|already|actually|these minutes|this minute|this very moment|as of now|yet",
        &[Now],
    ),
    ("recently|lately|of late|recent|these days|the last while|in the recent past", &[Lately]),
    ("ever|at any time|at any point|any time", &[Ever]),
    (
        "before|prior to|ahead of|leading up to|right before|just before|shortly before|in the run up to|preceding|up to|around the time of",
        &[Prior],
    ),
    // Figures.
    ("average|mean|avg|on average|usually|normally|typically|typical|in the mean|averaged|averages", &[stat(Stat::Mean)]),
    ("median|p50|in the median", &[stat(Stat::Quantile(0.5))]),
    ("p90|90th percentile|90 th percentile", &[stat(Stat::Quantile(0.9))]),
    ("p95|95th percentile|95 th percentile|95 percentile|p 95", &[stat(Stat::Quantile(0.95))]),
    ("p99|99th percentile|99 th percentile|99 percentile|p 99", &[stat(Stat::Quantile(0.99))]),
    ("total|in total|altogether|sum|sum of|overall total|all together|summed|cumulative|combined|in all|in sum", &[stat(Stat::Total)]),
    (
        "highest|maximum|max|most often|most frequently|peak|peaked|largest|biggest|most|top|greatest|heaviest|greediest|hungriest|strongest|at most|spike|spiked|peaks|maximal|at its highest|primarily|mostly|hog|hogs|highs|at the peak|number one",
        &[HIGH],
    ),
    ("lowest|minimum|min|smallest|least|fewest|bottom|at least|minimal|at its lowest|dip|dipped|lightest|lows", &[LOW]),
    // Comparisons.
    (
        "than|compared to|compared with|versus|vs|against|relative to|in comparison to|in comparison with|comparing to|as compared to|beside|next to|over against|in contrast to|relative|compared",
        &[Than],
    ),
    (
        "before that|than before|than earlier|than usual|than normal|than previously|than it used to be|than it should|usual|normal|previously|compared to before",
        &[Before],
    ),
    (
        "higher|more|greater|larger|bigger|increased|increase|increasing|rise|rose|risen|rising|up from|grow|grew|grown|growing|growth|climb|climbed|climbing|go up|gone up|going up|went up|increases|rises|grows|goes up|jump|jumped|shot up|more of|heavier|heavily|soar|soared|surge|surged|creeping up|elevated|higher up",
        &[UP],
    ),
    (
        "lower|less|fewer|smaller|decreased|decrease|decreasing|fall|fell|fallen|falling|drop|dropped|dropping|go down|gone down|going down|went down|shrink|shrank|shrunk|shrinking|decreases|falls|drops|goes down|sank|sunk|declined|decline|declining|reduced|cheaper than usual",
        &[DOWN],
    ),
    ("better|improved|improve|improves|improving|improvement", &[Better(true)]),
    ("worse|worsened|worsen|worsening|deteriorated|degraded", &[Better(false)]),
    (
        "slower|slowed|slow down|slowed down|slowing|slowing down|getting slower|got slower|gotten slower|become slower|slower and slower|slowdown|longer",
        &[UP, Is(A::Slow)],
    ),
    ("faster|quicker|sped up|speed up|speeding up|shorter|getting faster|got faster", &[DOWN, Is(A::Slow)]),
    ("busier|more busy|more loaded", &[UP, Is(A::Busy)]),
    ("fuller|more full|filling up|filling|fills|fills up|filled up|filled|fill up|fill", &[UP, Is(A::Full)]),
    ("emptier|less full", &[DOWN, Is(A::Full)]),
    ("hotter|warmer|heat up|heating up", &[UP, Is(A::Temperature)]),
    ("cooler|colder", &[DOWN, Is(A::Temperature)]),
    ("flakier|more flaky", &[UP, Is(A::Flaky)]),
    ("more expensive|costlier|pricier|dearer", &[UP, Is(A::Cost)]),
    ("cheaper|less expensive", &[DOWN, Is(A::Cost)]),
    (
        "change over|changed over|develop|developed|evolve|evolved|trend|trend of|trending|how has the|change compared to",
        &[ask(Ask::Compare)],
    ),
    ("high|so high|very high|too high|that high|this high|saturated|overloaded|spiking|peaking|maxed out|pegged|through the roof", &[UP]),
    ("low|so low|very low|too low", &[DOWN]),
    // Limits.
    (
        "above|more than|over|greater than|higher than|exceed|exceeded|exceeds|exceeding|beyond|past|at or above|larger than|bigger than|longer than|hotter than|slower than|>|reach|reached|hit|cross|crossed",
        &[Limit(true)],
    ),
    ("below|under|less than|lower than|fewer than|smaller than|shorter than|beneath|<|faster than|cooler than", &[Limit(false)]),
    // Superlatives that name their subject.
    (
        "slowest|longest|longest running|longest-running|most time|longest lasting|takes the longest|took the longest|take longest|takes longest|take the longest|slowest running|took longest|taking the longest|takes most time|take most time|the most time",
        &[HIGH, Is(A::Slow)],
    ),
    ("fastest|quickest|shortest", &[LOW, Is(A::Slow)]),
    ("fullest|most full|closest to full|most filled", &[HIGH, Is(A::Full)]),
    ("emptiest|least full", &[LOW, Is(A::Full)]),
    ("busiest|most active|most loaded", &[HIGH, Is(A::Busy)]),
    ("hottest|warmest", &[HIGH, Is(A::Temperature)]),
    ("coolest|coldest", &[LOW, Is(A::Temperature)]),
    ("flakiest|most flaky|least reliable|least stable|most unreliable|most unstable", &[HIGH, Is(A::Flaky)]),
    ("most stable|most reliable|least flaky|stablest", &[LOW, Is(A::Flaky)]),
    ("most expensive|costliest|priciest|dearest", &[HIGH, Is(A::Cost)]),
    ("cheapest|least expensive", &[LOW, Is(A::Cost)]),
    ("noisiest|loudest|most annoying|most noisy|noisy|noise", &[HIGH, Is(A::Noise)]),
    ("laggiest", &[HIGH, Is(A::Slow)]),
    // The machine.
    (
        "cpu|cpus|processor|processors|cpu usage|cpu utilization|cpu utilisation|cpu load|processor usage|processor load|cpu time|cpu consumption|cpu use|compute",
        &[Is(A::Cpu)],
    ),
    ("core|cores|cpu core|cpu cores", &[Is(A::Core)]),
    ("load|load average|system load|loadavg|load avg|average load|run queue", &[Is(A::Load)]),
    (
        "memory|ram|mem|memory usage|memory utilization|memory utilisation|ram usage|memory use|memory consumption|main memory|memory footprint|rss",
        &[Is(A::Memory)],
    ),
    ("swap|swap space|swap usage|swapping|paging", &[Is(A::Swap)]),
    (
        "disk|disks|disc|discs|disk usage|disk space|storage|filesystem|filesystems|file system|file systems|mount|mounts|mount point|mount points|mountpoint|hard disk|hard drive|drive|drives|ssd|volume|volumes|partition|partitions|hdd|disk utilization|disk utilisation|diskspace",
        &[Is(A::Disk)],
    ),
    ("space|room", &[Is(A::Disk)]),
    ("io|i/o|disk io|disk i/o|disk activity|disk traffic|disk throughput|disk bandwidth|diskio|disk operations", &[Is(A::Io)]),
    ("reads|disk reads|read from disk|disk read|bytes read", &[Is(A::Io), Is(A::Read)]),
    ("writes|disk writes|written to disk|disk write|bytes written|written", &[Is(A::Io), Is(A::Write)]),
    ("read|reading", &[Is(A::Read)]),
    ("write|wrote|writing", &[Is(A::Write)]),
    (
        "network|net|network traffic|traffic|bandwidth|network usage|network io|network i/o|network throughput|data transferred|transferred|data transfer|network activity|internet traffic|network bandwidth|transfer",
        &[Is(A::Network)],
    ),
    (
        "received|receive|download|downloaded|downloads|incoming traffic|inbound|inbound traffic|incoming|ingress|rx|downloading|network in",
        &[Is(A::Receive)],
    ),
    (
        "sent|send|upload|uploaded|uploads|outgoing traffic|outbound|outbound traffic|outgoing|egress|tx|transmitted|transmit|uploading|network out",
        &[Is(A::Send)],
    ),
    ("temperature|temperatures|temp|temps|hot|warm|heat|degrees|thermal|sensor|sensors|cold", &[Is(A::Temperature)]),
    ("pressure|psi|stall|stalls|contention|stalled", &[Is(A::Pressure)]),
    (
        "uptime|up since|been up|been running|running since|last reboot|last restart|last restarted|last rebooted|last boot|booted|rebooted|reboot|boot|started up|restarted",
        &[Is(A::Uptime)],
    ),
    ("machine|machines|host|hosts|server|servers|computer|box|system|systems|node|nodes|laptop|workstation|pc", &[Is(A::Machine)]),
    ("process|processes|program|programs|app using|executable|executables|proc|procs", &[Is(A::Process)]),
    (
        "unit|units|service unit|systemd unit|systemd units|systemd service|container|containers|docker container|docker containers|pod|pods|systemd services|docker|cgroup|cgroups",
        &[Is(A::Unit)],
    ),
    ("oom|oom kill|oom kills|oom killed|out of memory kills|killed for want of memory|oom killer|ooms|oom-killed", &[Is(A::Oom)]),
    ("out of memory|out of ram", &[Is(A::Memory), Is(A::Full)]),
    // CI.
    (
        "ci|build|builds|pipeline|pipelines|github actions|actions|ci pipeline|ci/cd|cicd|continuous integration|the build|ci build|ci builds|built|building|github ci|ci pipelines",
        &[Is(A::Ci)],
    ),
    ("workflow|workflows|ci workflow|ci workflows", &[Is(A::Workflow)]),
    ("run|runs|ci run|ci runs|workflow run|workflow runs", &[Is(A::Run)]),
    ("job|jobs|ci job|ci jobs|build job|build jobs|step|steps", &[Is(A::Job)]),
    ("commit|commits|pushes|push", &[Is(A::Commit)]),
    (
        "duration|durations|run time|runtime|run times|time taken|execution time|length|speed|elapsed time|completion time|time",
        &[Is(A::Duration)],
    ),
    (
        "build time|build times|ci time|ci times|ci duration|build duration|ci durations|build durations|ci speed|build speed",
        &[Is(A::Ci), Is(A::Duration)],
    ),
    ("slow|sluggish|laggy|slowly|so slow|fast|quick|quickly|too slow|that slow|very slow|this slow|long|so long", &[Is(A::Slow)]),
    (
        "queue|queued|queue time|queueing|queuing|wait|waiting|waited|wait time|waits|waiting time|queue times|queues|wait for a runner|waiting for a runner|runner wait|runners|runner|wait times|waiting for runners|wait for runners",
        &[Is(A::Queue)],
    ),
    (
        "fail|fails|failed|failing|failure|failures|broken|break|breaks|broke|error|errors|breaking|breakage|unsuccessful|crashed|errored|breakages",
        &[Is(A::Fail)],
    ),
    ("succeed|succeeds|succeeded|succeeding|success|successes|successful|pass|passed|passes|passing|successfully", &[Is(A::Success)]),
    ("failure rate|fail rate|error rate|failure ratio|failure percentage|rate of failure|share of failures", &[Is(A::Fail), Is(A::Share)]),
    ("success rate|pass rate|success ratio|success percentage|rate of success|share of successes", &[Is(A::Success), Is(A::Share)]),
    (
        "ci minutes|build minutes|runner minutes|job time|ci hours|job minutes|runner time|actions minutes|job hours|build hours|ci time used",
        &[Is(A::Ci), Is(A::JobTime)],
    ),
    ("green", &[Is(A::Green)]),
    ("red", &[Is(A::Red)]),
    ("flaky|flakiness|flake|flakes|unstable|unreliable|flaked|flakey|flaky tests", &[Is(A::Flaky)]),
    ("stable|reliable|stability|reliability", &[Is(A::Flaky), Is(A::Stable)]),
    ("waste|wasted|wasting|wastes|lost|thrown away|in vain", &[Is(A::Waste)]),
    ("cancelled|canceled|cancel|cancels|aborted|superseded|cancellations|cancellation", &[Is(A::Cancelled)]),
    ("running|active|under way|underway|in flight|ongoing|alive|executing", &[Is(A::Active)]),
    // Boards.
    ("task|tasks|todo|todos|to-do|ticket|tickets|issue|issues|work item|work items|story|stories|task count", &[Is(A::Task)]),
    ("subtask|subtasks|sub-task|sub-tasks", &[Is(A::Subtask)]),
    ("board|boards|backlog|task board|taskboard|kanban|task master|taskmaster|tag|project|projects|sprint|work|milestone", &[Is(A::Board)]),
    (
        "done|finished|complete|completed|closed|finish|finishes|close|ready and done|shipped|ship|completes|solved|got done|get done|gotten done|resolved",
        &[Is(A::Done)],
    ),
    (
        "open|unfinished|incomplete|outstanding|remaining|still open|to do|left to do|not done yet|remain|remains|still to do|still to be done|to be done",
        &[Is(A::Open)],
    ),
    ("pending|unstarted|to start|todo tasks", &[Is(A::Pending)]),
    (
        "in progress|in-progress|being worked on|worked on|work in progress|wip|underway now|working on|in the works|active tasks",
        &[Is(A::InProgress)],
    ),
    ("blocked|stuck|blocking|blocks|block|waiting for others|held up", &[Is(A::Blocked)]),
    (
        "ready|ready to start|startable|can be started|could be started|can start|available to start|ready for work|actionable|work on next|do next|start next|pick up|pick up next|work on now|next task|next tasks|start with|should i work on next|should we work on next|should i work on|should we work on|should i do next|should we do next|should i start|should i pick up",
        &[Is(A::Ready)],
    ),
    ("review|in review|under review|reviewed|reviewing|reviews", &[Is(A::Review)]),
    ("reopened|reopen|reopens|bounced|came back|sent back|re-opened", &[Is(A::Reopen)]),
    ("deferred|postponed|put off", &[Is(A::Deferred)]),
    ("throughput|velocity|pace|a day|per day|each day|every day|daily", &[Is(A::Throughput)]),
    ("critical path|longest chain|chain of dependencies|dependency chain", &[Is(A::CriticalPath)]),
    ("complexity|complexity score|open complexity", &[Is(A::Complexity)]),
    (
        "progress|completion|how complete|percent done|percentage done|percent complete|share done|completeness|completion ratio|completion rate",
        &[Is(A::Progress)],
    ),
    (
        "end|ends|ended|eta|finish date|end date|completion date|forecast|forecasts|deadline|prediction|predicted|projected|estimate|estimated|expected|expect",
        &[Is(A::End)],
    ),
    // Costs.
    (
        "cost|costs|spend|spent|spending|money|price|expense|expenses|pay|paid|dollars|usd|euros|bill|spendings|expensive|costing|charged|charge|burn|burned|burnt|cash",
        &[Is(A::Cost)],
    ),
    ("tokens|token|token usage|token use|token consumption|tokens used", &[Is(A::Tokens)]),
    ("agent|agents|coding agent|coding agents|claude|claude code|ai|llm|copilot|codex|assistant|model usage", &[Is(A::Agent)]),
    // Targets, jobs.
    (
        "probe|probes|check|checks|endpoint|endpoints|website|websites|site|sites|health check|health checks|monitored sites|web site|probed",
        &[Is(A::Probe)],
    ),
    ("target|targets|scrape target|scrape targets", &[Is(A::Target)]),
    ("scrape|scrapes|scraped|scraping", &[Is(A::Scrape)]),
    (
        "latency|latencies|response time|response times|respond|responds|answer time|answer times|answer|answers|ping|round trip|responding|responded|responsive|response|replies|reply",
        &[Is(A::Duration), Is(A::Probe)],
    ),
    ("status code|http status|http code|response code|status codes|http status code", &[Is(A::StatusCode)]),
    (
        "certificate|certificates|cert|certs|ssl|tls|ssl certificate|tls certificate|ssl cert|tls cert|https certificate|ssl certificates|tls certificates",
        &[Is(A::Certificate)],
    ),
    (
        "expire|expires|expired|expiry|expiration|run out of validity|valid|expiring|expiration date|valid until|renew|renewed|renewal|lapse",
        &[Is(A::Expire)],
    ),
    ("availability|available|uptime percentage|uptime ratio|sla|reachability", &[Is(A::Availability)]),
    (
        "heartbeat|heartbeats|cron|cron job|cron jobs|cronjob|cronjobs|dead man's switch|scheduled job|scheduled jobs|backup job",
        &[Is(A::Heartbeat)],
    ),
    ("call|calls|called|check in|checked in|report in|reported in|last run of|ran|reported", &[Is(A::Last)]),
    // Alerts and what happened.
    ("alert|alerts|alarm|alarms|warning|warnings|incident|incidents|page me|alerting|alerted", &[Is(A::Alert)]),
    (
        "fire|fires|fired|firing|triggered|trigger|went off|go off|going off|triggers|raised|active alerts|active alarms|set off|rang",
        &[Is(A::Fire)],
    ),
    (
        "anomaly|anomalies|unusual|abnormal|strange|odd|weird|outlier|outliers|out of the ordinary|suspicious|unexpected|anomalous",
        &[Is(A::Anomaly)],
    ),
    ("event|events|timeline|time line|history|log of events|activity", &[Is(A::Event)]),
    (
        "happened|happen|happens|happening|occurred|occur|changed|changes|change|going on|went on|was going on|is going on|took place|new|was up|what is new|been happening|altered|modified",
        &[Is(A::Happen)],
    ),
    ("moved|move|moves|moved together|correlate|correlated|correlates|moved with|related|coincided|along with|went along", &[Is(A::Moved)]),
    (
        "advice|recommendation|recommendations|suggestion|suggestions|recommend|suggest|tip|tips|should i do|should we do|to fix|to improve|can i improve|can we improve|could be improved|should be improved|should i fix|should we fix|should i|should we|advise|bottleneck|bottlenecks|optimize|optimise|optimization",
        &[Is(A::Advice)],
    ),
    ("health|health score|score|healthy|condition|shape", &[Is(A::Health)]),
    ("source|sources|data source|data sources|collector|collectors|input|inputs", &[Is(A::Source)]),
    ("taskpulse|monitoring|monitoring service|this service|this tool|itself|the service itself", &[Is(A::Service)]),
    ("series|time series|timeseries|cardinality|metrics stored", &[Is(A::Series)]),
    ("samples|sample|data points|datapoints|samples stored|points stored", &[Is(A::Samples)]),
    ("store|database size|data directory|history on disk|stored|kept|store size|kept data|tsdb", &[Is(A::Store)]),
    ("size|big", &[Is(A::Size)]),
    // States.
    ("service|services|daemon|app|application", &[Is(A::Owner)]),
    (
        "full|how full|fullness|run full|runs full|running full|ran full|run out of space|runs out of space|running out of space|ran out of space|run out|runs out|running out|ran out|out of space|exhausted|exhaust|used up|overflow|be full|out of room|run out of room|deplete|depleted",
        &[Is(A::Full)],
    ),
    ("free|free space|unused|left over|spare|available space|free memory left|left free", &[Is(A::Free)]),
    ("left", &[Is(A::Left)]),
    ("used|in use|occupied|taken up|consumed|allocated|filled with", &[Is(A::Used)]),
    (
        "use|uses|using|consume|consumes|consuming|eat|eats|eating|occupy|occupies|occupying|demand|demands|demanding|taking up|takes up|hogging|need most|use up|eating up|eats up|responsible|chewing|burning|draining|uses up|using up|consumption|consumer|consumers|users|user of|users of|gobbling|hungry",
        &[Is(A::Use)],
    ),
    ("usage|utilized|utilised", &[Is(A::Usage)]),
    ("loaded|busy|how busy|working hard|under load", &[Is(A::Busy)]),
    ("idle|idling", &[Is(A::Idle)]),
    ("up|online|reachable|working|operational|accessible|up and running|functioning|work properly|works|serving|back up", &[Is(A::Up)]),
    (
        "down|offline|unreachable|dead|outage|outages|downtime|downtimes|unavailable|unavailability|not working|is out|inaccessible|missed|late|overdue|silent|outs",
        &[Is(A::Down)],
    ),
    ("ok|okay|fine|alright|good|well|all right|in order|all good|all well|normal state|as expected", &[Is(A::Ok)]),
    (
        "wrong|problem|problems|bad|trouble|matter|an issue|troubles|concern|concerns|worry|attention|need attention|needs attention|going wrong|urgent|critical",
        &[Is(A::Wrong)],
    ),
    ("anything|any|something|any of them|anyone", &[Is(A::Anything)]),
    ("everything|all|every|things|situation|state|status|state of things|states|overview|summary", &[Is(A::Everything)]),
    (
        "exist|exists|known|watched|monitored|configured|tracked|installed|watch|monitor|seen|have total|there in total|defined",
        &[Is(A::Exist)],
    ),
    ("last|last time|most recently|last one|latest|newest|most recent", &[Is(A::Last)]),
    ("next|first|soonest", &[Is(A::Next)]),
    ("name|names|named|called after", &[Is(A::Named)]),
    (
        "ask you|ask|help|can i ask|can you do|can you answer|do you know|do you understand|examples|example questions|commands",
        &[Is(A::Grammar)],
    ),
    ("share|ratio|proportion|fraction", &[Is(A::Share)]),
    // Understood, and never known.
    (
        "weather|stock|stocks|news|joke|capital|president|recipe|translate|poem|lunch|dinner",
        &[Never("that is nothing that Taskpulse measures")],
    ),
    (
        "delete|remove|stop|start|restart|kill|shut|shutdown|silence|acknowledge|ack|deploy|install|update|upgrade|create|add|set|enable|disable|turn|drop table|drop database|reset|clear|purge|fix|repair",
        &[Never("a question changes nothing; the pages and the API do")],
    ),
    ("and|or|plus|also|as well|both|either|together with", &[Never("one thing is asked at a time")]),
];
