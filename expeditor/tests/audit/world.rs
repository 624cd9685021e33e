//! Copies of databases, damage to them, and a look at what the audit says.

use std::{
    fs,
    path::{Path, PathBuf},
};

use contracts::ServiceName;
use expeditor::{
    audit::{self, Databases, Knowledge, Report},
    system,
};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

/// One damage.
pub(crate) struct Case {
    /// The invariant that must be found violated.
    pub(crate) invariant: u8,
    /// Whose database is damaged.
    pub(crate) service: ServiceName,
    /// What is damaged: a query for the offender's id in that database.
    pub(crate) pick: &'static str,
    /// How: a statement in which `?1` is that id.
    pub(crate) damage: &'static str,
}

pub(crate) const fn case(
    invariant: u8,
    service: ServiceName,
    pick: &'static str,
    damage: &'static str,
) -> Case {
    Case { invariant, service, pick, damage }
}

/// Has each case damage a copy of its own; the audit must find it and name the offender.
pub(crate) async fn each_is_found(sound: &Path, known: &Knowledge, cases: &[Case]) {
    for (number, case) in cases.iter().enumerate() {
        let copy = sound.with_extension(format!("case-{number}"));
        copy_databases(sound, &copy);
        let offender = damage(&copy, case, None).await;
        is_found(&look(&copy, known).await, case, &offender);
    }
}

pub(crate) fn is_found(report: &Report, case: &Case, offender: &str) {
    let finding = report.finding(case.invariant).unwrap();
    let first = finding.first_offender.clone().unwrap_or_default();
    assert!(finding.violations > 0, "{} does not show: {}", finding.invariant, case.damage);
    assert!(first.contains(offender), "{first:?} does not name {offender}: {}", case.damage);
}

pub(crate) async fn look(data: &Path, known: &Knowledge) -> Report {
    let stored = Databases::in_directory(data).await.unwrap();
    let report = audit::audit(&stored, known).await.unwrap();
    stored.close().await;
    report
}

pub(crate) fn assert_holds(report: &Report, when: &str) {
    let offenders: Vec<_> =
        report.findings().filter_map(|finding| finding.first_offender.as_ref()).collect();
    assert!(report.holds(), "{when}: {offenders:#?}");
}

pub(crate) fn copy_databases(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for service in ServiceName::ALL {
        let (from, to) = (system::database_path(from, service), system::database_path(to, service));
        let log = |path: &Path| PathBuf::from(format!("{}-wal", path.display()));
        if log(&from).exists() {
            fs::copy(log(&from), log(&to)).unwrap();
        }
        fs::copy(from, to).unwrap();
    }
}

/// Damages the copy; answers who the offender is. The statement finds another state of the same
/// database under the name `earlier`, where one is given.
pub(crate) async fn damage(data: &Path, case: &Case, earlier: Option<&Path>) -> String {
    let path = system::database_path(data, case.service);
    let mut database = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    if let Some(earlier) = earlier {
        let path = system::database_path(earlier, case.service);
        let attach = sqlx::query("ATTACH ?1 AS earlier").bind(path.to_str().unwrap());
        attach.execute(&mut database).await.unwrap();
    }
    let offender: String = sqlx::query_scalar(case.pick).fetch_one(&mut database).await.unwrap();
    let done = sqlx::query(case.damage).bind(&offender).execute(&mut database).await.unwrap();
    assert!(done.rows_affected() > 0, "nothing was damaged: {}", case.damage);
    database.close().await.unwrap();
    offender
}
