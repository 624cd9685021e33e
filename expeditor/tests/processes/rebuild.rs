//! MyPage is cleared and made again beside services that run, after a demo with kills and with one
//! more in the middle of it: what it shows then is what it has shown.

use std::{collections::BTreeMap, process::Command, time::Duration};

use expeditor::{
    audit::{Databases, Knowledge, Stored, read::SHOWN},
    people::{
        pace::Closing,
        show::{Script, Show},
    },
};
use serde_json::Value;
use tokio::time::timeout;

use crate::{
    place::{BOUND, Place},
    stage::{assert_holds, ground, look, start},
};

/// Everything on MyPage, by order. How often it was changed is nobody's business.
async fn shown(stored: &Databases) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    loop {
        let last = all.last_key_value().map(|(id, _): (&String, _)| id.clone());
        let page = stored.page(SHOWN, last.as_deref()).await.unwrap();
        if page.is_empty() {
            return all;
        }
        for (id, row) in page {
            let mut body: Value = serde_json::from_str(&row.body).unwrap();
            body.as_object_mut().unwrap().remove("version");
            body["columns"] = serde_json::json!([row.state, row.owner]);
            all.insert(id, body);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_made_again_beside_running_services_is_what_it_was() {
    let place = Place::new().await;
    let (ground, dir) = (ground(&place), tempfile::tempdir().unwrap());
    let stage = start(&place, &ground, dir.path()).await;
    let script = Script { orders: 80, rate: 10.0, seed: 31 };
    let (_open, closing) = Closing::new();
    let play = Show::play(&stage, &script, closing, || ());
    let disturb = async {
        for name in ["mypage-1", "payment-1", "relay-1", "mypage-1", "rider-1", "relay-2"] {
            stage.fleet.kill(name).unwrap();
            stage.fleet.launch(name).await.unwrap();
        }
    };
    let (show, ()) = tokio::join!(play, disturb);
    let show = show.unwrap();
    // However each has ended: orders are watched elsewhere.
    assert_holds(&look(&ground, &show.knowledge()).await, "after the demo");
    let before = shown(&stage.databases).await;
    assert_eq!(before.len(), 80);

    let databases = place.database_url.rsplit_once('/').unwrap().0;
    let url = format!("{databases}/{}_{{service}}", ground.prefix());
    let mut command = Command::new(env!("CARGO_BIN_EXE_expeditor"));
    command.args(["rebuild", "mypage", "--database-url", &url]).env_clear();
    let rebuilding = tokio::task::spawn_blocking(move || command.output().unwrap());
    let disturb = async {
        // It is at it.
        let begun = async {
            while shown(&stage.databases).await == before {
                place.ports.clock.sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(BOUND, begun).await.expect("it is cleared");
        for name in ["mypage-1", "relay-1"] {
            stage.fleet.kill(name).unwrap();
        }
        assert_holds(&look(&ground, &Knowledge::default()).await, "in the middle of it");
        for name in ["mypage-1", "relay-1"] {
            stage.fleet.launch(name).await.unwrap();
        }
    };
    let (output, ()) = tokio::join!(rebuilding, disturb);
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said} {}", String::from_utf8_lossy(&output.stderr));
    assert!(said.starts_with("mypage: 80 rows cleared, "), "{said}");

    let whole = async {
        while shown(&stage.databases).await != before {
            place.ports.clock.sleep(Duration::from_millis(50)).await;
        }
    };
    if timeout(BOUND, whole).await.is_err() {
        assert_eq!(shown(&stage.databases).await, before);
    }
    stage.fleet.stop_all().await.unwrap();
    assert_holds(&look(&ground, &show.knowledge()).await, "made again");
    stage.databases.close().await;
}
