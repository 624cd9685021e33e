//! How what is watched stands, where several processes may write.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use runtime::{
    Key,
    db::{Begin, Owned, Row},
};

use crate::fixture::{ITEM, Store, TICKET, locking, row, rows, store, ticket};

pub(crate) async fn how_what_is_watched_stands_is_told_of_all_at_once(place: &dyn Store) {
    let db = place.open().await;
    let owned = |owner: &str, version, state: &str| Row {
        owner: Some(owner.to_owned()),
        ..row(version, state)
    };
    let versions = db.versions().unwrap();
    let keys = [ticket("a"), Key::new(ITEM, "a"), ticket("b"), ticket("none"), ticket("a")];
    let list = |owner: &str| Owned { by: Key::new(TICKET, owner), states: &["open", "wide"] };
    let lists = [list("s1"), list("s2"), list("nobody"), list("s1")];
    assert_eq!(versions.versions(&[]).await.unwrap(), [0_u64; 0]);
    assert_eq!(versions.digests(&[]).await.unwrap(), [0_u64; 0]);
    let begun = [("a", owned("s1", 1, "open")), ("b", owned("s1", 7, "done"))];
    store(&*db, Begin::default(), rows(&begun)).await.unwrap();
    assert_eq!(versions.versions(&keys).await.unwrap(), [1, 0, 7, 0, 1]);
    let mut seen: Vec<Vec<u64>> = vec![versions.digests(&lists).await.unwrap()];
    // Each is another list than any before; what is done is in none of them.
    for (id, changed) in [
        ("a", owned("s1", 2, "open")),
        ("b", owned("s1", 8, "wide")),
        ("a", owned("s1", 3, "done")),
        ("c", owned("s1", 1, "open")),
        ("b", owned("s1", 9, "done")),
    ] {
        store(&*db, locking(&[id]), rows(&[(id, changed)])).await.unwrap();
        let digests = versions.digests(&lists).await.unwrap();
        assert_eq!(digests[0], digests[3]);
        assert_eq!(digests[1..3], [0, 0]);
        assert!(seen.iter().all(|it| it[0] != digests[0]), "{id}");
        seen.push(digests);
    }
    store(&*db, locking(&["b"]), rows(&[("b", owned("s1", 10, "done"))])).await.unwrap();
    assert_eq!(versions.digests(&lists).await.unwrap(), seen[seen.len() - 1]);
}
