//! What many look at is read once for all of them.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use serde::Serialize;
use tokio::sync::Mutex;

use super::Live;
use crate::{Key, Problem};

/// How something that is watched stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// By which it is known again.
    pub id: String,
    /// Its version, where it has one: then an older one is never shown after a newer one.
    pub version: Option<u64>,
    /// The whole of it, as JSON on one line.
    pub data: Arc<str>,
    /// Whether it can never change again.
    pub last: bool,
}

impl Shown {
    /// Something that counts its versions.
    pub fn numbered(version: u64, body: &impl Serialize, last: bool) -> Self {
        Self { id: version.to_string(), version: Some(version), data: json(body), last }
    }

    /// Something that is known again by what it says.
    pub fn told(body: &impl Serialize) -> Self {
        let data = json(body);
        let digest = digest(&SHA256, data.as_bytes());
        let id = BASE64_URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16]);
        Self { id, version: None, data, last: false }
    }
}

fn json(body: &impl Serialize) -> Arc<str> {
    let text = serde_json::to_string(body)
        .expect("views are plain structs with text keys, which always serialize");
    text.into()
}

/// What was read last, and the moment before it was.
pub(super) type Cell = Mutex<Option<(u64, Shown)>>;

/// A place among those who see the same.
pub(super) struct Place {
    live: Live,
    name: Key,
    /// Taken when it is dropped, and there until then.
    cell: Option<Arc<Cell>>,
}

impl Place {
    pub(super) fn take(live: &Live, name: &Key) -> Self {
        let mut cells = live.cells();
        let known = cells.get(name).and_then(std::sync::Weak::upgrade);
        let cell = known.unwrap_or_else(|| {
            let new = Arc::default();
            cells.insert(name.clone(), Arc::downgrade(&new));
            new
        });
        drop(cells);
        Self { live: live.clone(), name: name.clone(), cell: Some(cell) }
    }

    pub(super) const fn name(&self) -> &Key {
        &self.name
    }

    /// What was read at that moment or later; read now, where nothing was. Of no moment: read now.
    pub(super) async fn read<F>(
        &self,
        since: Option<u64>,
        read: impl FnOnce() -> F + Send,
    ) -> Result<Shown, Problem>
    where
        F: Future<Output = Result<Shown, Problem>> + Send,
    {
        let cell = self.cell.as_ref().expect("there until it is dropped");
        let mut kept = cell.lock().await;
        if let (Some(since), Some((began, shown))) = (since, &*kept)
            && *began >= since
        {
            return Ok(shown.clone());
        }
        let turn = self.live.turn().await;
        let began = self.live.moment();
        let shown = read().await?;
        drop(turn);
        // For whoever is alone nothing is kept.
        *kept = (Arc::strong_count(cell) > 1).then(|| (began, shown.clone()));
        Ok(shown)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut cells = self.live.cells();
        self.cell = None;
        if cells.get(&self.name).is_some_and(|cell| cell.strong_count() == 0) {
            cells.remove(&self.name);
        }
    }
}

#[cfg(test)]
#[path = "shared_tests.rs"]
mod tests;
