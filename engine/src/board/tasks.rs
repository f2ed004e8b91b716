//! Reads the tasks of one tag, field by field, and reports the place of what cannot be read; see [`super::parse`].

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use super::loose::{Object, Objects, RawSubtask, RawTask, Scalar, Scalars};
use super::parse::{Findings, Place, Subtask, Tag, Task, Twin, short};
use super::{DONE, PENDING, STATUSES};

/// Status of a task or subtask whose status is no text.
const UNREADABLE: &str = "unreadable";
/// Times below this number are in seconds, others in milliseconds: in seconds it is the year 5138, in milliseconds 1973.
const MOST_SECONDS: f64 = 1e11;
const WANTED_ID: &str = "it must be a number or a text, 3 or \"3\"";
const WANTED_TEXT: &str = "it must be a text, or be left out";

/// The tag of that name. `mended` says that the file has characters that cannot be read.
pub(super) fn tag(name: &str, raw: Vec<Object<'_, RawTask<'_>>>, mended: bool, findings: &mut Findings) -> Tag {
    let mut made = Tag { tasks: Vec::with_capacity(raw.len()), ..Tag::default() };
    let mut reader = Reader { tag: name, task: String::new(), mended, unknown_statuses: &mut made.unknown_statuses, findings };
    for (at, raw) in raw.into_iter().enumerate() {
        reader.task = format!("#{}", at + 1);
        made.tasks.extend(reader.task(raw));
    }
    reader.task.clear();
    let ids = made.tasks.iter_mut().filter(|task| task.has_id).map(|task| (&task.id, &mut task.twin)).collect();
    reader.number_twins("", ids);
    made
}

/// Reads the fields of one task or subtask, knowing where it is.
struct Reader<'a> {
    tag: &'a str,
    task: String,
    mended: bool,
    unknown_statuses: &'a mut BTreeSet<String>,
    findings: &'a mut Findings,
}

impl Reader<'_> {
    fn wrong(&mut self, field: &str, what: impl FnOnce() -> String) {
        let (tag, task) = (self.tag, &self.task);
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        self.findings.add(|| Place { tag: Some(tag.to_owned()), task: some(task), field: some(field) }, what);
    }

    /// A task; none where nothing of it can be read.
    fn task(&mut self, raw: Object<'_, RawTask<'_>>) -> Option<Task> {
        let wanted = "it must be an object {\"id\": …, \"title\": …}";
        let raw = match raw {
            Object::Is(raw) => raw,
            Object::Text(_) => {
                self.wrong("", || format!("is a text and is left aside; {wanted}"));
                return None;
            }
            Object::Other(kind) => {
                self.wrong("", || format!("is {kind} and is left aside; {wanted}"));
                return None;
            }
        };
        if matches!((&raw.id, &raw.title, &raw.status), (Scalar::Absent, Scalar::Absent, Scalar::Absent)) {
            self.wrong("", || format!("has neither id nor title nor status and is left aside; {wanted}"));
            return None;
        }
        let id = self.id(raw.id);
        let (id, has_id) = id.map_or_else(|| (self.task.clone(), false), |id| (id, true));
        self.task.clone_from(&id);
        let (title, status, priority) = (self.text("title", raw.title), self.status(raw.status), self.text("priority", raw.priority));
        let updated_at_ms = self.time(raw.updated_at);
        let dependencies = self.dependencies(raw.dependencies);
        let subtasks = match raw.subtasks {
            Objects::Absent => Vec::new(),
            Objects::Items(subtasks) => self.subtasks(&id, subtasks),
            Objects::Other(kind) => {
                self.wrong("subtasks", || format!("is {kind} and is left aside; it must be an array of objects"));
                Vec::new()
            }
        };
        Some(Task { id, has_id, twin: None, title, status, priority, dependencies, subtasks, updated_at_ms })
    }

    fn subtasks(&mut self, task: &str, raw: Vec<Object<'_, RawSubtask<'_>>>) -> Vec<Subtask> {
        let mut made = Vec::with_capacity(raw.len());
        for (at, raw) in raw.into_iter().enumerate() {
            let place = format!("#{}", at + 1);
            self.task = format!("{task}.{place}");
            let raw = match raw {
                Object::Is(raw) => raw,
                Object::Text(title) => {
                    self.wrong("", || "is a text and counts as a pending subtask of that title; it must be an object".to_owned());
                    let status = PENDING.to_owned();
                    made.push(Subtask { id: place, has_id: false, twin: None, title: title.into_owned(), status, updated_at_ms: None });
                    continue;
                }
                Object::Other(kind) => {
                    self.wrong("", || format!("is {kind} and is left aside; it must be an object {{\"id\": …, \"title\": …}}"));
                    continue;
                }
            };
            let (id, has_id) = match self.id(raw.id) {
                // Some files name a subtask in full.
                Some(id) => match id.strip_prefix(task).and_then(|rest| rest.strip_prefix('.')).filter(|n| !n.is_empty()) {
                    Some(number) => (number.to_owned(), true),
                    None => (id, true),
                },
                None => (place, false),
            };
            self.task = format!("{task}.{id}");
            let (title, status) = (self.text("title", raw.title), self.status(raw.status));
            made.push(Subtask { id, has_id, twin: None, title, status, updated_at_ms: self.time(raw.updated_at) });
        }
        task.clone_into(&mut self.task);
        self.number_twins("subtasks", made.iter_mut().filter(|s| s.has_id).map(|s| (&s.id, &mut s.twin)).collect());
        made
    }

    /// Numbers the tasks with the same id.
    fn number_twins(&mut self, field: &str, ids: Vec<(&String, &mut Option<Twin>)>) {
        let mut count: HashMap<&str, Twin> = HashMap::with_capacity(ids.len());
        ids.iter().for_each(|(id, _)| count.entry(id).or_default().1 += 1);
        for (id, twin) in ids {
            let Some((nth, of)) = count.get_mut(id.as_str()).filter(|(_, of)| *of > 1) else { continue };
            *nth += 1;
            *twin = Some((*nth, *of));
            if *nth == 1 {
                let times = if *of == 2 { "twice".to_owned() } else { format!("{of} times") };
                self.wrong(field, || format!("id `{}` is there {times} and counts as often; give each an id of its own", short(id)));
            }
        }
    }

    fn id(&mut self, raw: Scalar<'_>) -> Option<String> {
        let found = match raw {
            Scalar::Number(number) => return Some(number),
            Scalar::Text(text) if !text.trim().is_empty() => return Some(text.trim().to_owned()),
            Scalar::Text(_) => "empty",
            Scalar::Absent => "missing",
            Scalar::Other(kind) => kind,
        };
        self.wrong("id", || format!("is {found}: it is counted, its changes are not followed; {WANTED_ID}"));
        None
    }

    fn dependencies(&mut self, raw: Scalars<'_>) -> Vec<String> {
        match raw {
            Scalars::Absent => Vec::new(),
            Scalars::Items(ids) => ids.into_iter().enumerate().map(|(at, id)| self.dependency(at, id)).collect(),
            // A list of several in one text is not taken apart: ids may have commas.
            Scalars::One(Scalar::Number(id)) => self.alone(id),
            Scalars::One(Scalar::Text(id)) if !id.contains([',', ' ', ';']) => self.alone(id.into_owned()),
            Scalars::One(_) => self.unreadable_dependencies("a text"),
            Scalars::Other(kind) => self.unreadable_dependencies(kind),
        }
    }

    fn alone(&mut self, id: String) -> Vec<String> {
        self.wrong("dependencies", || format!("is `{}` alone and counts as [\"{0}\"]; it must be an array of ids", short(&id)));
        vec![id]
    }

    fn unreadable_dependencies(&mut self, kind: &str) -> Vec<String> {
        self.wrong("dependencies", || format!("is {kind}: the task counts as waiting; it must be an array of ids, [1, \"3.1\"]"));
        vec![format!("({kind})")]
    }

    fn dependency(&mut self, at: usize, raw: Scalar<'_>) -> String {
        let found = match raw {
            Scalar::Number(number) => return number,
            Scalar::Text(text) if !text.trim().is_empty() => return text.trim().to_owned(),
            Scalar::Text(_) => "empty",
            Scalar::Absent => "null",
            Scalar::Other(kind) => kind,
        };
        self.wrong(&format!("dependencies[{at}]"), || format!("is {found}: the task counts as waiting; {WANTED_ID}"));
        format!("({found})")
    }

    fn text(&mut self, field: &str, raw: Scalar<'_>) -> String {
        match raw {
            Scalar::Absent => String::new(),
            Scalar::Text(text) => {
                if self.mended && text.contains(char::REPLACEMENT_CHARACTER) {
                    let what = "has bytes or escapes that are no character, shown as �; the file must be UTF-8";
                    self.wrong(field, || what.to_owned());
                }
                text.into_owned()
            }
            Scalar::Number(number) => {
                self.wrong(field, || format!("is a number; {WANTED_TEXT}"));
                number
            }
            Scalar::Other(kind) => {
                self.wrong(field, || format!("is {kind} and counts as none; {WANTED_TEXT}"));
                String::new()
            }
        }
    }

    /// The status under the name that counts.
    fn status(&mut self, raw: Scalar<'_>) -> String {
        let status = match raw {
            Scalar::Other(kind) => {
                self.wrong("status", || format!("is {kind} and counts as `{UNREADABLE}`; it must be a text"));
                UNREADABLE.to_owned()
            }
            raw => self.text("status", raw),
        };
        match status.as_str() {
            "" => return PENDING.to_owned(),
            "completed" => return DONE.to_owned(),
            known if STATUSES.contains(&known) || self.unknown_statuses.contains(known) => {}
            unknown => {
                self.unknown_statuses.insert(unknown.to_owned());
            }
        }
        status
    }

    /// A time that cannot be read counts as absent: then the time of the observation counts.
    fn time(&mut self, raw: Scalar<'_>) -> Option<i64> {
        let number = |text: &str| text.parse::<f64>().ok().filter(|n| n.is_finite()).and_then(time_of_number);
        let (read, shown) = match raw {
            Scalar::Absent => return None,
            Scalar::Text(text) if text.trim().is_empty() => return None,
            Scalar::Text(text) => {
                let time = text.trim().parse::<Timestamp>().ok().map(Timestamp::as_millisecond);
                (time.or_else(|| number(text.trim())), text)
            }
            Scalar::Number(text) => (number(&text), Cow::Owned(text)),
            Scalar::Other(kind) => (None, Cow::Borrowed(kind)),
        };
        if read.is_none() {
            let wanted = "a time with its zone, 2026-11-25T20:00:00Z, or seconds or milliseconds since 1970";
            self.wrong("updatedAt", || format!("is `{}` and counts as none; it must be {wanted}", short(&shown)));
        }
        read
    }
}

/// Milliseconds since 1970 of a number of seconds or milliseconds.
fn time_of_number(number: f64) -> Option<i64> {
    let ms = if number.abs() < MOST_SECONDS { number * 1e3 } else { number };
    #[allow(clippy::cast_possible_truncation, reason = "what is out of range is out of range for the timestamp, too")]
    Timestamp::from_millisecond(ms.round() as i64).ok().map(Timestamp::as_millisecond)
}
