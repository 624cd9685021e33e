//! MyPage over files: it is cleared and made again while nobody works on the directory, and shows
//! what it has shown.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use contracts::ServiceName;
use expeditor::{
    audit::{self, Databases, Knowledge},
    commands::rebuild::in_directory,
    people::{
        pace::Closing,
        plan::Ending,
        show::{Script, Show},
    },
    system::{self, Settings, System},
};
use runtime::ports::Ports;
use serde_json::Value;
use tokio::time::timeout;

const BOUND: Duration = Duration::from_secs(60);

async fn start(data: &Path, ports: &Ports) -> System {
    let settings = Show::settings(Settings::default());
    System::start(data, ([127, 0, 0, 1], 0).into(), settings, ports.clone()).await.unwrap()
}

/// Every customer's orders as MyPage shows them, page by page, and by order id.
async fn shown(system: &System, customers: &[String]) -> BTreeMap<String, Value> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = system.url();
    let get = async |path: String| -> Value {
        let answer = client.get(format!("{url}{path}")).send().await.unwrap();
        answer.error_for_status().unwrap().json().await.unwrap()
    };
    let mut all = BTreeMap::new();
    for customer in customers {
        let mut cursor = String::new();
        loop {
            let path = format!("/mypage/customers/{customer}/orders?limit=3{cursor}");
            let page = get(path).await;
            for order in page["items"].as_array().unwrap() {
                let id = order["order_id"].as_str().unwrap();
                assert_eq!(get(format!("/mypage/orders/{id}")).await, *order);
                all.insert(id.to_owned(), order.clone());
            }
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
    }
    all
}

/// The customers and how their orders stand, from the orchestrator.
async fn orders(data: &Path) -> BTreeMap<String, (String, String)> {
    use audit::{Stored, read::ORDERS};
    let stored = Databases::in_directory(data).await.unwrap();
    let page = stored.page(ORDERS, None).await.unwrap();
    stored.close().await;
    page.into_iter().map(|(id, row)| (id, (row.owner.unwrap(), row.state))).collect()
}

async fn holds(data: &Path, known: &Knowledge, when: &str) {
    let stored = Databases::in_directory(data).await.unwrap();
    let report = audit::audit(&stored, known).await.unwrap();
    stored.close().await;
    let offenders: Vec<_> =
        report.findings().filter_map(|finding| finding.first_offender.as_ref()).collect();
    assert!(report.holds(), "{when}: {offenders:#?}");
}

async fn drained(system: &System, ports: &Ports) {
    let wait = async {
        while system.backlog().await.unwrap() > 0 {
            ports.clock.sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(BOUND, wait).await.expect("all is sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_made_again_after_a_demo_is_what_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (data, ports) = (dir.path().join("data"), Ports::system());
    let system = start(&data, &ports).await;
    let script = Script { orders: 40, rate: 40.0, seed: 11 };
    let (_open, closing) = Closing::new();
    let show = Show::play(&system, &script, closing, || ()).await.unwrap();
    assert_eq!(show.complaints, Vec::<String>::new());
    assert!(script.orders as usize > Ending::ALL.len(), "every ending occurs");
    let known = show.knowledge();
    let orders = orders(&data).await;
    let mut customers: Vec<String> =
        orders.values().map(|(customer, _)| customer.clone()).collect();
    customers.sort();
    customers.dedup();

    // Every order in the words of the orchestrator, at whatever end.
    let before = shown(&system, &customers).await;
    let words = |shown: &BTreeMap<String, Value>| -> BTreeMap<String, (String, String)> {
        let word = |order: &Value, field: &str| order[field].as_str().unwrap().to_owned();
        let of = |(id, order): (&String, &Value)| {
            (id.clone(), (word(order, "customer_id"), word(order, "status")))
        };
        shown.iter().map(of).collect()
    };
    assert_eq!(words(&before), orders);
    let refused = in_directory(ServiceName::Mypage, &data, &ports).await.unwrap_err();
    assert_eq!(refused.status(), 2, "somebody works on it: {refused}");
    system.stop().await;

    // Twice: the second finds what the first has laid ready.
    for round in 0..2 {
        let rebuilt = in_directory(ServiceName::Mypage, &data, &ports).await.unwrap();
        let held = if round == 0 { orders.len() as u64 } else { 0 };
        assert_eq!(rebuilt.cleared, held);
        assert!(rebuilt.resent > 10 * held, "{rebuilt:?}");
        holds(&data, &Knowledge::default(), "while all is on its way").await;
    }
    let system = start(&data, &ports).await;
    drained(&system, &ports).await;
    assert_eq!(shown(&system, &customers).await, before);
    system.stop().await;
    holds(&data, &known, "made again").await;

    // Nothing but what others have published is needed.
    fs::remove_file(system::database_path(&data, ServiceName::Mypage)).unwrap();
    in_directory(ServiceName::Mypage, &data, &ports).await.unwrap();
    let system = start(&data, &ports).await;
    drained(&system, &ports).await;
    assert_eq!(shown(&system, &customers).await, before);
    system.stop().await;
}

#[tokio::test]
async fn who_owns_what_they_hold_is_not_cleared() {
    let dir = tempfile::tempdir().unwrap();
    let (data, ports) = (dir.path().join("data"), Ports::system());
    start(&data, &ports).await.stop().await;
    for service in ServiceName::ALL.into_iter().filter(|it| !it.is_subscriber()) {
        let failure = in_directory(service, &data, &ports).await.unwrap_err();
        assert!(failure.to_string().contains("owns what it holds"), "{failure}");
    }
    let nowhere = dir.path().join("nowhere");
    let failure = in_directory(ServiceName::Mypage, &nowhere, &ports).await.unwrap_err();
    assert!(failure.status() == 2 && !nowhere.exists(), "{failure}");
}
