//! Processes that are killed, and processes that are restarted in turn, while people order: nobody
//! is refused anything, every order ends as it was meant to, and the audit holds.

use expeditor::people::{
    pace::Closing,
    show::{Script, Show},
};

use crate::{
    place::Place,
    stage::{assert_holds, ground, look, start},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn no_order_is_lost_when_each_process_is_killed_and_then_restarted_in_turn() {
    let place = Place::new().await;
    let (ground, dir) = (ground(&place), tempfile::tempdir().unwrap());
    let stage = start(&place, &ground, dir.path()).await;
    let script = Script { orders: 150, rate: 10.0, seed: 23 };
    let (_open, closing) = Closing::new();
    let mut ended = 0;
    let play = Show::play(&stage, &script, closing, || ended += 1);
    let names = stage.fleet.members().into_iter().map(|member| member.name);
    let names: Vec<String> = names.collect();
    let disturb = async {
        for name in &names {
            stage.fleet.kill(name).unwrap();
            stage.fleet.launch(name).await.unwrap();
        }
        for name in &names {
            stage.fleet.restart(name).await.unwrap();
        }
    };
    let (show, ()) = tokio::join!(play, disturb);
    let show = show.unwrap();
    assert_eq!(ended, 150);
    stage.fleet.stop_all().await.unwrap();
    stage.databases.close().await;
    assert_eq!(show.complaints, Vec::<String>::new());
    assert_holds(&look(&ground, &show.knowledge()).await, "after all that");
}
