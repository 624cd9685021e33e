//! `audit`: over the databases in a directory or on a server, also beside a running system.

mod follow;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use runtime::ports::Ports;

use crate::{
    audit::{self, Databases, Knowledge, Report},
    cli::{AuditArgs, Output},
    config::{File, Number, PREFIX},
    exit::Failure,
    print,
    process::{options::AUDIT_PORT, relaying},
    tables,
};

/// Where `--follow` listens unless told otherwise.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), AUDIT_PORT);
/// How long it pauses between two passes, in seconds.
const PAUSE: f64 = 60.0;

/// Audits and prints; fails where a violation was found.
pub async fn run(options: AuditArgs, file: File) -> Result<(), Failure> {
    let section = &file.audit;
    if options.follow || section.follow {
        return follow(options, file).await;
    }
    if options.pause.is_some() {
        return Err(Failure::Usage("audit: --pause is for --follow".to_owned()));
    }
    let output = options.output.or(section.output).unwrap_or_default();
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

/// Audits again and again, until it is told to end.
async fn follow(options: AuditArgs, file: File) -> Result<(), Failure> {
    let section = &file.audit;
    if options.output.is_some() {
        return Err(Failure::Usage(
            "audit: --output or --follow, not both: what it finds is told in the log and as metrics"
                .to_owned(),
        ));
    }
    let listen = options.listen.or(section.listen).unwrap_or(LISTEN);
    let keys = options.keys.clone().or_else(|| section.keys.clone());
    let pause = options.pause.or(section.pause).map_or(PAUSE, Number::get);
    let follow = follow::Options {
        pause: Duration::from_secs_f64(pause),
        listen,
        access: relaying::access("audit --follow", keys, listen)?,
    };
    let stored = open(&options, &file).await?;
    let followed = follow::run(&stored, follow, &Ports::system()).await;
    stored.close().await;
    followed
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
