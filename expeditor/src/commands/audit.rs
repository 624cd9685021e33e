//! `audit`: over the databases in a directory, also beside a running `dev`.

use crate::{
    audit::{self, Files, Knowledge, Report},
    cli::{AuditArgs, Output},
    config::File,
    exit::Failure,
    print, tables,
};

/// Audits and prints; fails where a violation was found.
pub async fn run(options: AuditArgs, file: File) -> Result<(), Failure> {
    let data = file.data(options.data, file.audit.data.as_ref());
    let output = options.output.or(file.audit.output).unwrap_or_default();
    let stored = Files::open(&data).await?;
    let result = audit::audit(&stored, &Knowledge::default()).await;
    stored.close().await;
    let report = result.map_err(unfinished)?;
    match output {
        Output::Table => print::line(tables::audit(&report)),
        Output::Json => {
            let findings: Vec<_> = report.findings().collect();
            print::line(serde_json::json!({
                "holds": report.holds(),
                "findings": findings,
                "dead_letters": report.dead_letters(),
            }));
        }
    }
    verdict(&report)
}

/// A violation is a "no".
pub fn verdict(report: &Report) -> Result<(), Failure> {
    if report.holds() {
        return Ok(());
    }
    let first = report.findings().find_map(|finding| {
        Some(format!("{}: {}", finding.invariant, finding.first_offender.as_ref()?))
    });
    Err(Failure::No(format!(
        "the audit found {} violations; {}",
        report.violations(),
        first.unwrap_or_default()
    )))
}

/// An audit that could not be finished.
pub fn unfinished(error: audit::AuditError) -> Failure {
    match error {
        audit::AuditError::Database(error) => error.into(),
    }
}
