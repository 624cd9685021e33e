//! Reading once for many: who may take over what another has read, and who must not.

use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt;

use super::*;
use crate::{
    Kind, Phase,
    db::{Owned, Row},
    live::Subject,
};

const ORDER: Kind = Kind { name: "order", phase: Phase::First, rank: 0 };

/// What is stored, and how often it was read.
#[derive(Default)]
struct Stored {
    version: AtomicU64,
    reads: AtomicU64,
}

impl Stored {
    async fn seen_by(&self, watch: &mut super::super::Watch) -> u64 {
        let key = Key::new(ORDER, "o1");
        watch.also(Subject::One(key.clone()));
        let read = || async {
            self.reads.fetch_add(1, Ordering::SeqCst);
            Ok(Shown::numbered(self.version.load(Ordering::SeqCst), &"x", false))
        };
        watch.shared(&key, read).await.unwrap().version.unwrap()
    }

    /// Another version is committed and told.
    fn commit(&self, live: &Live, version: u64) {
        let row = Row {
            version,
            messages: 0,
            state: String::new(),
            owner: None,
            wake_at: None,
            updated_at: contracts::Timestamp::from_millis(0),
            body: String::new(),
        };
        let noted = live.note(&[(Key::new(ORDER, "o1"), row)]);
        self.version.store(version, Ordering::SeqCst);
        live.tell(noted);
    }

    fn reads(&self) -> u64 {
        self.reads.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn many_read_once_for_each_change_and_each_sees_it() {
    let (live, stored) = (Live::default(), Stored::default());
    let mut watches: Vec<_> = (0..10).map(|_| live.watch()).collect();
    for watch in &mut watches {
        assert_eq!(stored.seen_by(watch).await, 0);
    }
    assert_eq!(stored.reads(), 10, "who begins has seen nothing yet, and reads");
    for version in 1..=3 {
        stored.commit(&live, version);
        for watch in &mut watches {
            watch.rung().await;
            assert_eq!(stored.seen_by(watch).await, version);
        }
        assert_eq!(stored.reads(), 10 + version);
    }
    drop(watches);
    assert_eq!((live.watching(), live.cells().len()), (0, 0), "nothing is kept of them");
    stored.commit(&live, 4);
}

/// Who begins to watch between a commit's note and its end may have read before it.
#[tokio::test]
async fn who_comes_during_a_commit_looks_again() {
    let (live, stored) = (Live::default(), Stored::default());
    let noted = live.note(&[]);
    let mut watch = live.watch();
    assert_eq!(stored.seen_by(&mut watch).await, 0);
    stored.version.store(1, Ordering::SeqCst);
    live.tell(noted);
    watch.rung().await;
    assert_eq!(stored.seen_by(&mut watch).await, 1);
}

/// What is watched newly may have changed since it was read by another.
#[tokio::test]
async fn a_new_subject_is_not_taken_over_from_what_was_read_before() {
    let (live, stored) = (Live::default(), Stored::default());
    let (mut one, mut other) = (live.watch(), live.watch());
    for watch in [&mut one, &mut other] {
        stored.seen_by(watch).await;
    }
    stored.commit(&live, 1);
    assert_eq!(stored.seen_by(&mut one).await, 1);
    // Nobody watches this yet, so that nobody is rung.
    stored.version.store(2, Ordering::SeqCst);
    live.tell(live.note(&[]));
    other.also(Subject::One(Key::new(ORDER, "o2")));
    assert_eq!(stored.seen_by(&mut other).await, 2);
    other.only(&[]);
    assert_eq!(live.watching(), 1);
}

/// An offer comes here and is claimed elsewhere before anybody has looked.
#[tokio::test]
async fn a_list_that_has_changed_back_between_two_looks_is_read_again() {
    let (live, offers) = (Live::default(), AtomicU64::new(0));
    let (by, name) = (Key::new(ORDER, "mapo"), Key::new(ORDER, "near jun"));
    let mut watch = live.watch();
    watch.also(Subject::Of(Owned { by: by.clone(), states: &["offered"] }));
    let read = || async { Ok(Shown::told(&offers.load(Ordering::SeqCst))) };
    let looked = |digest| live.told(|watchers, moment| watchers.found_owned(&by, digest, moment));
    watch.shared(&name, read).await.unwrap();
    for _ in 0..3 {
        looked(0);
        watch.shared(&name, read).await.unwrap();
    }
    watch.rung().await;
    looked(0);
    assert!(watch.rung().now_or_never().is_none(), "nothing is new");

    offers.store(1, Ordering::SeqCst);
    assert_eq!(&*watch.shared(&name, read).await.unwrap().data, "1");
    offers.store(0, Ordering::SeqCst);
    looked(0);
    watch.rung().now_or_never().expect("it is not known what was read");
    assert_eq!(&*watch.shared(&name, read).await.unwrap().data, "0");
}

#[test]
fn what_counts_no_versions_is_known_by_what_it_says() {
    let told = |text: &str| Shown::told(&text);
    assert_eq!(told("a"), told("a"));
    assert_ne!(told("a").id, told("b").id);
    assert_eq!((told("a").id.len(), told("a").version), (22, None));
    let numbered = Shown::numbered(7, &"a\nb", true);
    assert_eq!((numbered.id.as_str(), &*numbered.data), ("7", "\"a\\nb\""));
}
