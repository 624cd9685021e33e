//! `audit`: over the databases in a directory or on a server, also beside a running system.

use runtime::ports::Ports;

use crate::{
    audit::{self, Databases, Knowledge, Report},
    cli::{AuditArgs, Output},
    config::{File, PREFIX},
    exit::Failure,
    print, tables,
};

/// Audits and prints; fails where a violation was found.
pub async fn run(options: AuditArgs, file: File) -> Result<(), Failure> {
    let output = options.output.or(file.audit.output).unwrap_or_default();
    let stored = open(&options, &file).await?;
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

/// Opens what is named: on the command line, else in the file; a server or a directory.
async fn open(options: &AuditArgs, file: &File) -> Result<Databases, Failure> {
    let section = &file.audit;
    let typed = (options.data.is_some(), options.database_url.is_some());
    let written = (section.data.is_some(), section.database_url.is_some());
    if [typed, written].contains(&(true, true)) {
        return Err(Failure::Usage(
            "audit: --data or --database-url, not both: either files or a server".to_owned(),
        ));
    }
    let server = match &options.data {
        Some(_) => None,
        None => options.database_url.as_ref().or(file.audit.database_url.as_ref()),
    };
    let Some(url) = server else {
        let data = file.data(options.data.clone(), file.audit.data.as_ref());
        return Databases::in_directory(&data).await;
    };
    let prefix = options.prefix.as_ref().or(file.audit.prefix.as_ref());
    let prefix = prefix.map_or(PREFIX, String::as_str);
    Databases::on_server(url, prefix, &Ports::system()).await
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
