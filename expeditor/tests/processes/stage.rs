//! All processes on a place of the test's own, and people who order there.

use std::sync::Arc;

use expeditor::{
    audit::{Knowledge, Report},
    fleet::{FleetPlan, Ground, OnServers},
    people::show::Show,
};
pub(crate) use testkit::fleet::{Load, long_deadlines};

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
    start_with(place, ground, directory, |_| ()).await
}

/// The same, planned otherwise.
pub(crate) async fn start_with(
    place: &Place,
    ground: &Arc<Ground>,
    directory: &std::path::Path,
    otherwise: impl FnOnce(&mut FleetPlan),
) -> OnServers {
    let program = env!("CARGO_BIN_EXE_expeditor");
    testkit::fleet::start_fleet(program, ground, directory, &place.ports, otherwise).await.unwrap()
}

/// Ends all processes; then every order must have ended as planned, and the audit must hold.
pub(crate) async fn end_well(stage: OnServers, show: &Show) {
    stage.fleet.stop_all().await.unwrap();
    stage.databases.close().await;
    assert_eq!(show.complaints, Vec::<String>::new());
    assert_holds(&look(&stage.ground, &show.knowledge()).await, "after all that");
}

/// What the audit says.
pub(crate) async fn look(ground: &Ground, known: &Knowledge) -> Report {
    testkit::fleet::look(ground, known).await.unwrap()
}

pub(crate) fn assert_holds(report: &Report, when: &str) {
    let offenders: Vec<_> =
        report.findings().filter_map(|finding| finding.first_offender.as_ref()).collect();
    assert!(report.holds(), "{when}: {offenders:#?}");
}
