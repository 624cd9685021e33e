//! One who watches: what it watches, its bell, and what it may take over of what others have read.

use std::sync::{Arc, atomic::Ordering};

use tokio::sync::SemaphorePermit;

use super::{
    Live, Shown,
    shared::Place,
    watchers::{Bell, Subject},
};
use crate::{Key, Problem};

/// One who watches some subjects. Dropped, it watches nothing any more.
pub struct Watch {
    live: Live,
    bell: Arc<Bell>,
    subjects: Vec<Subject>,
    /// What is shown must have been read after that moment; none of before its first reading.
    since: Option<u64>,
    place: Option<Place>,
    /// By which that is known again which was shown last, where lists are watched.
    shown: Option<String>,
}

impl Watch {
    pub(super) fn new(live: Live) -> Self {
        Self {
            live,
            bell: Arc::default(),
            subjects: Vec::new(),
            since: None,
            place: None,
            shown: None,
        }
    }

    /// Watches that too. What is read after this is followed: a change of it rings.
    pub fn also(&mut self, subject: Subject) {
        if self.subjects.contains(&subject) {
            return;
        }
        self.live.watchers().add(&subject, &self.bell);
        if self.live.0.watching.fetch_add(1, Ordering::SeqCst) == 0 {
            self.live.0.somebody.notify_waiters();
        }
        self.subjects.push(subject);
        self.since = self.since.map(|_| self.live.moment());
    }

    /// Watches none but these any more.
    pub fn only(&mut self, subjects: &[Subject]) {
        let (live, bell) = (&self.live, &self.bell);
        self.subjects.retain(|subject| {
            let stays = subjects.contains(subject);
            if !stays {
                leave(live, subject, bell);
            }
            stays
        });
    }

    /// The right to read something besides what is [`shared`](Self::shared). To be given up before
    /// that.
    pub async fn turn(&self) -> SemaphorePermit<'_> {
        self.live.turn().await
    }

    /// It has read that version of an aggregate which it watches.
    pub fn saw(&self, key: &Key, version: u64) {
        self.live.watchers().saw(key, version);
    }

    /// Resolves when something may have changed since it last resolved.
    pub async fn rung(&self) {
        self.bell.rung().await;
    }

    /// What all who watch under that name see: read now, or read already by another since this one
    /// was rung. The first time it is always read, since it may have changed where nobody could be
    /// told yet.
    pub async fn shared<F>(
        &mut self,
        name: &Key,
        read: impl FnOnce() -> F + Send,
    ) -> Result<Shown, Problem>
    where
        F: Future<Output = Result<Shown, Problem>> + Send,
    {
        if self.place.as_ref().is_none_or(|place| place.name() != name) {
            self.place = Some(Place::take(&self.live, name));
        }
        let since = self.since.map(|since| since.max(self.bell.moment()));
        self.since = Some(0);
        let place = self.place.as_ref().expect("it was taken above");
        let shown = place.read(since, read).await?;
        self.follow_up(&shown.id);
        Ok(shown)
    }

    /// Has the lists that it watches looked at again, where what was read of them is new.
    fn follow_up(&mut self, id: &str) {
        let mut lists = self.subjects.iter().filter_map(|subject| match subject {
            Subject::Of(owned) => Some(&owned.by),
            Subject::One(_) => None,
        });
        let Some(first) = lists.next().filter(|_| self.shown.as_deref() != Some(id)) else {
            return;
        };
        let mut watchers = self.live.watchers();
        for by in std::iter::once(first).chain(lists) {
            watchers.read_news(by);
        }
        self.shown = Some(id.to_owned());
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for subject in &self.subjects {
            leave(&self.live, subject, &self.bell);
        }
    }
}

fn leave(live: &Live, subject: &Subject, bell: &Arc<Bell>) {
    live.watchers().remove(subject, bell);
    live.0.watching.fetch_sub(1, Ordering::SeqCst);
}
