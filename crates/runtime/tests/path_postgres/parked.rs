//! Messages that a relay has given up, over HTTP: seen, and sent again.

use std::net::SocketAddr;

use runtime::{
    ServiceName,
    db::{Database, Floor, SharedOutbox},
    http::{Access, Server, parked},
    metrics,
    ports::Ports,
};
use tokio::sync::oneshot;

use crate::{
    client::ask,
    server::OwnDatabase,
    start,
    toy::{Ask, Rig},
};

/// Serves the routes until the sender is dropped.
async fn serve(rig: &Rig) -> (SocketAddr, oneshot::Sender<()>) {
    let server = Server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = server.local_addr();
    let parked = parked::routes(ServiceName::Store).with_state(rig.running.handle());
    let routes = parked.merge(metrics::routes(rig.metrics.clone()));
    let (stop, told) = oneshot::channel::<()>();
    let ports = Ports::system();
    drop(rig.ports.spawn(async move {
        server.serve(routes, Access::Open, &ports, async { drop(told.await) }).await;
    }));
    (address, stop)
}

/// Parks all that lies in the outbox, as a relay does with what the broker does not take.
async fn park_all(outbox: &dyn SharedOutbox, rig: &Rig) -> usize {
    let owner = rig.ports.ids.next();
    let leases = outbox.lease(owner).await.unwrap();
    let floor = |(bucket, epoch)| Floor { bucket, epoch, after: 0 };
    let floors: Vec<_> = leases.held.into_iter().map(floor).collect();
    let rows = outbox.read_leased(owner, &floors, 10).await.unwrap();
    for row in &rows {
        assert!(outbox.park(row.bucket, row.row.id, "no queue takes it").await.unwrap());
    }
    outbox.give_up(owner, &[], true).await.unwrap();
    rows.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_relay_has_given_up_is_shown_and_sent_again() {
    let database = OwnDatabase::new().await;
    let rig = start(&database.url).await;
    let (address, stop) = serve(&rig).await;
    let empty = ask(address, "GET /store/parked", &[]).await;
    assert_eq!((empty.status, empty.body.as_str()), (200, r#"{"items":[],"next_cursor":null}"#));

    for order in ["a", "b", "c"] {
        rig.ask(Ask::Count(order.to_owned())).await.unwrap();
    }
    let outbox = rig.database.shared_outbox().unwrap();
    assert_eq!(park_all(outbox, &rig).await, 3);
    let first = ask(address, "GET /store/parked?limit=2", &[]).await.json();
    let items = first["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["error"]), (2, &"no queue takes it".into()));
    for field in ["id", "key", "seq", "message_id", "exchange", "routing_key", "parked_at"] {
        assert!(!items[0][field].is_null(), "{field} in {first}");
    }
    let payload = items[0]["payload"].as_str().unwrap();
    assert!(payload.contains(items[0]["message_id"].as_str().unwrap()), "{payload}");
    let cursor = first["next_cursor"].as_str().unwrap();
    let next =
        ask(address, &format!("GET /store/parked?limit=2&cursor={cursor}"), &[]).await.json();
    assert_eq!(next["items"].as_array().unwrap().len(), 1);
    let wrong = ask(address, "GET /store/parked?cursor=61", &[]).await;
    assert_eq!(wrong.problem().2, ["cursor"]);
    let rig = &rig;
    rig.until("it is counted", || async {
        let shown = ask(address, "GET /metrics", &[]).await;
        shown.body.contains("expeditor_outbox_parked{service=\"store\"} 3.0\n")
    })
    .await;

    let id = &items[0]["id"];
    let again = format!("POST /store/parked/{id}/redrive");
    let answer = ask(address, &again, &[]).await;
    assert_eq!((answer.status, &answer.json()["redriven"]), (200, &true.into()));
    ask(address, &again, &[]).await.is_problem(404, "not-found");
    ask(address, "POST /store/parked/x/redrive", &[]).await.is_problem(404, "not-found");
    let rows = rig.database.outbox().read(0, 10).await.unwrap();
    assert_eq!(rows.len(), 1, "it lies in the outbox");
    assert_eq!(rows[0].message_id.to_string(), items[0]["message_id"].as_str().unwrap());
    drop(stop);
}
