//! What another process on the same database commits is seen by who watches in this one.

use runtime::live::{Live, Subject, Watch};

use crate::{
    client::soon,
    server::OwnDatabase,
    start,
    toy::{Ask, tally},
};

/// Who has seen that version.
fn watching(live: &Live, id: &str, seen: u64) -> Watch {
    let mut watch = live.watch();
    watch.also(Subject::One(tally(id)));
    watch.saw(&tally(id), seen);
    watch
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_another_process_rings() {
    let database = OwnDatabase::new().await;
    let (here, there) = (start(&database.url).await, start(&database.url).await);
    let live = here.running.handle().live().clone();
    let (changed, still) = (watching(&live, "changed", 0), watching(&live, "still", 0));
    for _ in 0..3 {
        there.ask(Ask::Count("changed".to_owned())).await.unwrap();
        soon(changed.rung()).await;
    }
    here.ask(Ask::Count("changed".to_owned())).await.unwrap();
    soon(changed.rung()).await;
    // Who has read an older version than is there is told of the newer one.
    let late = watching(&live, "changed", 3);
    soon(late.rung()).await;
    assert!(futures_util::FutureExt::now_or_never(still.rung()).is_none(), "nothing has changed");
    drop((changed, still, late));
    assert_eq!(live.watching(), 0);
    here.stop().await;
    there.stop().await;
}
