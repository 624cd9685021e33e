//! `audit --follow`: the auditor as a standing service. It audits pass after pass, says what has
//! changed since the last one, and tells how things stand as metrics.
//!
//! A pass that cannot be finished says nothing of the system: it is told, and tried again after the
//! same pause. What is on its way is no violation ([`crate::audit`]).

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use contracts::ServiceName;
use runtime::{
    http::{Access, Readiness, Server},
    metrics::Metrics,
    ports::Ports,
};

use super::{unfinished, verdict};
use crate::{
    audit::{self, Finding, Knowledge, Report, Stored},
    exit::Failure,
    people::pace::Closing,
    print,
    process::relaying,
    signals, system,
};

/// How it is to be done.
pub(super) struct Options {
    /// From the end of a pass to the beginning of the next.
    pub(super) pause: Duration,
    /// Where metrics and health are told, and to whom.
    pub(super) listen: SocketAddr,
    pub(super) access: Access,
}

/// Audits until it is told to end. Fails then if the last finished pass found a violation.
pub(super) async fn run(
    stored: &dyn Stored,
    options: Options,
    ports: &Ports,
) -> Result<(), Failure> {
    let mut closing = signals::closing(ports);
    let (metrics, readiness, standing) =
        (Metrics::default(), Readiness::default(), Standing::default());
    standing.tell(&metrics);
    let look = standing.clone();
    readiness.add("audit", move || {
        let stands = look.ready();
        async move { stands }
    });
    let server = Server::bind(options.listen).await.map_err(|it| system::cannot_listen(&it))?;
    let server = server.with_metrics(metrics.clone());
    let routes = relaying::routes("Expeditor: auditor", metrics, readiness, ports);
    print::line(format_args!("audit listens on http://{}", server.local_addr()));
    let passes = standing.follow(stored, options.pause, closing.clone(), ports);
    tokio::join!(server.serve(routes, options.access, ports, closing.wait()), passes);
    let report = standing.lock().report.take();
    report.map_or(Ok(()), |report| verdict(&report))
}

/// How things stand after the last pass.
#[derive(Clone, Default)]
struct Standing(Arc<Mutex<Stands>>);

#[derive(Default)]
struct Stands {
    /// Of the last pass that could be finished.
    report: Option<Report>,
    /// When that was, Unix seconds, and how long it took.
    at: f64,
    took: Duration,
    passes: u64,
    failures: u64,
    /// Why the last pass could not be finished.
    error: Option<String>,
}

impl Standing {
    fn lock(&self) -> MutexGuard<'_, Stands> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn follow(
        &self,
        stored: &dyn Stored,
        pause: Duration,
        mut closing: Closing,
        ports: &Ports,
    ) {
        let known = Knowledge::default();
        loop {
            let began = ports.clock.elapsed();
            // It only reads: a pass that is broken off leaves nothing.
            let pass = tokio::select! {
                biased;
                () = closing.wait() => return,
                pass = audit::audit(stored, &known) => pass,
            };
            let took = ports.clock.elapsed().saturating_sub(began);
            match pass {
                Ok(report) => self.passed(report, took, ports),
                Err(error) => self.failed(&unfinished(error)),
            }
            if !closing.pause(ports, pause).await {
                return;
            }
        }
    }

    fn passed(&self, report: Report, took: Duration, ports: &Ports) {
        let mut stands = self.lock();
        for change in changes(stands.report.as_ref(), &report) {
            change.log();
        }
        #[expect(clippy::cast_precision_loss, reason = "Unix seconds fit for long")]
        let at = ports.now().as_millis() as f64 / 1_000.0;
        let (passes, failures) = (stands.passes + 1, stands.failures);
        *stands = Stands { report: Some(report), at, took, passes, failures, error: None };
    }

    fn failed(&self, failure: &Failure) {
        let mut stands = self.lock();
        tracing::warn!(reason = %failure, "the audit could not be finished; it is tried again");
        stands.failures += 1;
        stands.error = Some(failure.to_string());
    }

    /// Whether it can work: that it finds something does not make it unfit.
    fn ready(&self) -> Result<(), String> {
        let stands = self.lock();
        match &stands.error {
            Some(error) => Err(error.clone()),
            None if stands.report.is_none() => Err("the first pass is not finished yet".to_owned()),
            None => Ok(()),
        }
    }

    /// Registers the metrics.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    fn tell(&self, metrics: &Metrics) {
        type Of = fn(&Finding) -> u64;
        let families: [(_, _, Of); 3] = [
            ("expeditor_audit_checked", "Looked at by the last pass.", |it| it.checked),
            ("expeditor_audit_violations", "Found wrong by the last pass.", |it| it.violations),
            (
                "expeditor_audit_unjudged",
                "On their way during the last pass, so not judged by it.",
                |it| it.in_flight,
            ),
        ];
        for (family, help, of) in families {
            for finding in Report::new().findings() {
                let (standing, name) = (self.clone(), finding.invariant.clone());
                metrics.gauge(family, help, &[("invariant", &finding.invariant)], move || {
                    let stands = standing.lock();
                    let mut findings = stands.report.as_ref()?.findings();
                    findings.find(|it| it.invariant == name).map(|it| of(it) as f64)
                });
            }
        }
        for service in ServiceName::ALL {
            let (standing, help) = (self.clone(), "Kept by a service at the last pass.");
            let labels = [("service", service.as_str())];
            metrics.gauge("expeditor_audit_dead_letters", help, &labels, move || {
                let stands = standing.lock();
                let kept = stands.report.as_ref()?.dead_letters();
                kept.get(service.as_str()).map(|number| *number as f64)
            });
        }
        let one = |name, help, of: fn(&Stands) -> Option<f64>| {
            let standing = self.clone();
            metrics.gauge(name, help, &[], move || of(&standing.lock()));
        };
        one("expeditor_audit_pass_seconds", "The last finished pass took.", |it| {
            it.report.as_ref().map(|_| it.took.as_secs_f64())
        });
        one("expeditor_audit_passed_at_seconds", "It ended, Unix time.", |it| {
            it.report.as_ref().map(|_| it.at)
        });
        let counted = |name, help, of: fn(&Stands) -> u64| {
            let standing = self.clone();
            metrics.counted(name, help, &[], move || Some(of(&standing.lock()) as f64));
        };
        counted("expeditor_audit_passes", "Passes that were finished.", |it| it.passes);
        counted("expeditor_audit_failures", "Passes that could not be.", |it| it.failures);
    }
}

/// What is to be said of an invariant after a pass.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    /// More is wrong with it, or something else.
    Violated { invariant: String, says: &'static str, violations: u64, first: String },
    /// Nothing is wrong with it any more.
    Holds { invariant: String },
    /// The first pass, which found nothing.
    AllHold,
}

/// What a pass shows that the one before it did not.
fn changes(before: Option<&Report>, now: &Report) -> Vec<Change> {
    let mut changes = Vec::new();
    for finding in now.findings() {
        let earlier = before.and_then(|report| {
            report.findings().find(|earlier| earlier.invariant == finding.invariant)
        });
        let stood = |it: &Finding| (it.violations, it.first_offender.clone());
        let earlier = earlier.map(stood).unwrap_or_default();
        if stood(finding) == earlier {
            continue;
        }
        let invariant = finding.invariant.clone();
        changes.push(match &finding.first_offender {
            None => Change::Holds { invariant },
            Some(first) => Change::Violated {
                invariant,
                says: finding.says,
                violations: finding.violations,
                first: first.clone(),
            },
        });
    }
    if before.is_none() && changes.is_empty() {
        changes.push(Change::AllHold);
    }
    changes
}

impl Change {
    fn log(&self) {
        match self {
            Self::Violated { invariant, says, violations, first } => {
                tracing::error!(%invariant, says, violations, first, "an invariant is violated");
            }
            Self::Holds { invariant } => tracing::info!(%invariant, "an invariant holds again"),
            Self::AllHold => tracing::info!("every invariant holds"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Name;

    fn report(wrong: &[&str]) -> Report {
        let mut report = Report::new();
        report.judge(Name(4), None);
        for offender in wrong {
            report.judge(Name(4), Some((*offender).to_owned()));
        }
        report
    }

    #[test]
    fn only_what_has_changed_is_said() {
        let violated = |violations, first: &str| Change::Violated {
            invariant: "I4".to_owned(),
            says: report(&[]).finding(4).unwrap().says,
            violations,
            first: first.to_owned(),
        };
        let holds = Change::Holds { invariant: "I4".to_owned() };
        for (before, now, says) in [
            (None, &[][..], vec![Change::AllHold]),
            (None, &["a"], vec![violated(1, "a")]),
            (Some(&[][..]), &[], vec![]),
            (Some(&["a"]), &["a"], vec![]),
            (Some(&["a"]), &["a", "b"], vec![violated(2, "a")]),
            (Some(&["a"]), &["b"], vec![violated(1, "b")]),
            (Some(&["a", "b"]), &[], vec![holds]),
        ] {
            let before = before.map(report);
            assert_eq!(changes(before.as_ref(), &report(now)), says, "{before:?} {now:?}");
        }
    }

    #[test]
    fn it_is_ready_while_passes_can_be_finished_and_counts_both_kinds() {
        let (standing, metrics, ports) = (Standing::default(), Metrics::default(), Ports::system());
        standing.tell(&metrics);
        assert!(standing.ready().unwrap_err().contains("first pass"));
        assert!(!metrics.text().contains("expeditor_audit_violations{"), "nothing is known yet");
        standing.passed(report(&["a"]), Duration::from_millis(1_500), &ports);
        assert_eq!(standing.ready(), Ok(()));
        standing.failed(&Failure::Environment("away".to_owned()));
        assert_eq!(standing.ready(), Err("away".to_owned()));
        let text = metrics.text();
        for line in [
            "expeditor_audit_checked{invariant=\"I4\"} 2",
            "expeditor_audit_violations{invariant=\"I4\"} 1",
            "expeditor_audit_violations{invariant=\"I5\"} 0",
            "expeditor_audit_pass_seconds 1.5",
            "expeditor_audit_passes_total 1",
            "expeditor_audit_failures_total 1",
        ] {
            assert!(text.contains(line), "{line} is missing in {text}");
        }
    }
}
