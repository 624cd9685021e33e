//! All processes on a place of the test's own.

use std::sync::Arc;

use expeditor::{
    audit::{self, Databases, Knowledge, Report},
    fleet::{self, Access, FleetPlan, Ground, OnServers},
    people::show::Show,
    system::Settings,
};

use crate::place::Place;

/// Databases and queues of the test's own.
pub(crate) fn ground(place: &Place) -> Arc<Ground> {
    let ground = Ground::new(&place.database_url, &place.amqp_url, None, &place.ports).unwrap();
    place.owns(ground.prefix());
    Arc::new(ground)
}

/// Starts all processes, with the deadlines of the demo.
pub(crate) async fn start(
    place: &Place,
    ground: &Arc<Ground>,
    directory: &std::path::Path,
) -> OnServers {
    let (keys, tokens) = fleet::new_keys(directory, &place.ports).unwrap();
    let access = Access { keys: Some(keys), ..ground.prepare().await.unwrap() };
    let settings = Show::settings(Settings::default());
    let mut plan = FleetPlan::new(directory, access, settings).unwrap();
    plan.program = env!("CARGO_BIN_EXE_expeditor").into();
    OnServers {
        fleet: plan.start(&place.ports).await.unwrap(),
        ground: Arc::clone(ground),
        databases: ground.databases().await.unwrap(),
        tokens: Some(tokens),
        ports: place.ports.clone(),
    }
}

/// What the audit says.
pub(crate) async fn look(ground: &Ground, known: &Knowledge) -> Report {
    let stored: Databases = ground.databases().await.unwrap();
    let report = audit::audit(&stored, known).await.unwrap();
    stored.close().await;
    report
}

pub(crate) fn assert_holds(report: &Report, when: &str) {
    let offenders: Vec<_> =
        report.findings().filter_map(|finding| finding.first_offender.as_ref()).collect();
    assert!(report.holds(), "{when}: {offenders:#?}");
}
