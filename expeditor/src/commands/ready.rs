//! `ready`: asks a process whether it can serve now, for scripts and the health checks of containers.

use std::time::Duration;

use serde::Deserialize;

use crate::{
    cli::ReadyArgs,
    config::{File, URL},
    exit::Failure,
    print,
};

/// How long the answer may take: longer than the process gives its own checks.
const PATIENCE: Duration = Duration::from_secs(4);

/// The answer of `/readyz`.
#[derive(Deserialize)]
struct Ready {
    checks: Vec<Check>,
}

#[derive(Deserialize)]
struct Check {
    name: String,
    ready: bool,
    #[serde(default)]
    detail: String,
}

/// Asks and prints; fails where it is not ready.
pub async fn run(options: ReadyArgs, file: File) -> Result<(), Failure> {
    let url = options.url.or(file.ready.url);
    let url = url.as_deref().unwrap_or(URL).trim_end_matches('/');
    let unreachable = |error: reqwest::Error| {
        Failure::Environment(format!("{url} does not answer: {}", error.without_url()))
    };
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build();
    let response = client.map_err(unreachable)?.get(format!("{url}/readyz")).send().await;
    let response = response.map_err(unreachable)?;
    let status = response.status();
    let found: Ready = response.json().await.map_err(|_| {
        Failure::Environment(format!("{url} answers {status}, and is no process of this program"))
    })?;
    verdict(&found)?;
    print::line("ready");
    Ok(())
}

fn verdict(found: &Ready) -> Result<(), Failure> {
    let failed = found.checks.iter().filter(|check| !check.ready);
    let failed: Vec<_> = failed.map(|check| format!("{} ({})", check.name, check.detail)).collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::No(format!("not ready: {}", failed.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_that_fails_is_named_with_its_reason() {
        let read = |text| verdict(&serde_json::from_str(text).unwrap());
        read(r#"{"status":"ready","checks":[{"name":"cook/path","ready":true}]}"#).unwrap();
        let failure = read(
            r#"{"status":"unavailable","checks":[{"name":"cook/path","ready":true},
                {"name":"cook/database","ready":false,"detail":"it is away"}]}"#,
        )
        .unwrap_err();
        assert_eq!(failure.status(), 1);
        assert_eq!(failure.to_string(), "not ready: cook/database (it is away)");
    }
}
