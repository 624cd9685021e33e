//! Tells people that something was stored about an order, as an app would: what it is they ask.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use contracts::ServiceName;
use runtime::Key;
use tokio::sync::Notify;

/// Who watches what. Clones are the same board. Each bell is for one who waits.
#[derive(Clone, Default)]
pub struct Board(Arc<Mutex<BTreeMap<String, Vec<Bell>>>>);

/// Rings for one service's changes.
type Bell = (ServiceName, Arc<Notify>);

impl Board {
    /// A bell that rings when one of these services has stored something under that id.
    pub fn watch(&self, id: &str, services: &[ServiceName]) -> Arc<Notify> {
        let bell = Arc::new(Notify::new());
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = bells.entry(id.to_owned()).or_default();
        all.extend(services.iter().map(|service| (*service, Arc::clone(&bell))));
        bell
    }

    /// Something was stored.
    pub(crate) fn touched(&self, service: ServiceName, key: &Key) {
        let bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (of, bell) in bells.get(&*key.id).into_iter().flatten() {
            if *of == service {
                bell.notify_one();
            }
        }
    }
}
