//! Templates and services as documents, so that a restart knows them.

use serde::{Deserialize, Serialize};

use super::miner::{Miner, Service};
use super::template::Template;
use super::{MAX_SERVICES, MAX_TEMPLATES};
use crate::model::fnv1a;
use crate::store::DocumentChange;

/// Begins the key of a service.
const SERVICE: &str = "service/";
/// The key of the document of a service.
pub(super) fn service_key(name: &str) -> String {
    format!("{SERVICE}{:016x}", fnv1a(name.bytes()))
}

/// Documents that are written at once, at the most; the others follow.
const AT_ONCE: usize = 1_000;

#[derive(Serialize, Deserialize)]
struct KeptService {
    name: String,
    #[serde(flatten)]
    service: Service,
}

impl Miner {
    /// From what was kept; what cannot be read is left out.
    #[must_use]
    pub fn restored(kept: &[(String, Vec<u8>)]) -> Self {
        let mut miner = Self::default();
        for (key, bytes) in kept {
            if key.starts_with(SERVICE) {
                if let Ok(KeptService { name, service }) = serde_json::from_slice(bytes)
                    && miner.services.len() < MAX_SERVICES
                {
                    miner.services.insert(name, service);
                }
            } else if let Ok(template) = serde_json::from_slice::<Template>(bytes)
                && template.id == *key
                && miner.templates.len() < MAX_TEMPLATES
            {
                miner.insert(template);
            }
        }
        miner
    }

    /// What is to be written since the last call, at most a thousand documents; `all` that changed, or only what must not be lost: new
    /// templates, and those that are gone.
    pub fn changes(&mut self, all: bool) -> Vec<DocumentChange> {
        let mut changes: Vec<DocumentChange> = self.gone.drain().map(|id| (id, None)).collect();
        let left = AT_ONCE.saturating_sub(changes.len());
        let due = if all { &self.changed } else { &self.born };
        let ids: Vec<String> = due.iter().take(left).cloned().collect();
        for id in ids {
            self.changed.remove(&id);
            self.born.remove(&id);
            let bytes = self.templates.get(&id).and_then(|template| serde_json::to_vec(template).ok());
            changes.extend(bytes.map(|bytes| (id, Some(bytes))));
        }
        if all {
            for name in std::mem::take(&mut self.active) {
                let Some(service) = self.services.get(&name).copied() else { continue };
                let key = service_key(&name);
                changes.extend(serde_json::to_vec(&KeptService { name, service }).ok().map(|bytes| (key, Some(bytes))));
            }
        }
        changes
    }
}
