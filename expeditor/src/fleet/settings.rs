//! The services' settings, written as the file of `--config` has them: how they reach processes of
//! their own.

use std::{fmt::Write as _, time::Duration};

use crate::system::Settings;

/// The sections `services.…` of a file.
pub(super) fn sections(settings: &Settings) -> String {
    let orchestrator = &settings.orchestrator;
    let deadlines = &orchestrator.deadlines;
    let deadlines = [
        ("pay", deadlines.pay),
        ("accept", deadlines.accept),
        ("cook_start", deadlines.cook_start),
        ("cook_finish", deadlines.cook_finish),
        ("assign", deadlines.assign),
        ("pickup", deadlines.pickup),
        ("deliver", deadlines.deliver),
        ("reprice", deadlines.reprice),
        ("amend", deadlines.amend),
    ];
    let deadlines = deadlines.into_iter().filter_map(|(name, time)| Some((name, seconds(time?))));
    let retry = [
        ("first", seconds(orchestrator.retry.first)),
        ("cap", seconds(orchestrator.retry.cap)),
        ("attempts", orchestrator.retry.attempts.to_string()),
    ];
    let schedule = [
        ("earliest", seconds(orchestrator.schedule.earliest)),
        ("latest", seconds(orchestrator.schedule.latest)),
    ];
    let auto = |auto: bool| vec![("auto", auto.to_string())];
    let age = vec![("outbox_age_limit", seconds(orchestrator.outbox_age_limit))];
    let sections = [
        ("orchestrator", age),
        ("orchestrator.deadlines", deadlines.collect()),
        ("orchestrator.retry", retry.into()),
        ("orchestrator.schedule", schedule.into()),
        ("payment", vec![("slow_after", seconds(settings.payment.slow_after))]),
        ("store", auto(settings.store.auto)),
        ("cook", auto(settings.cook.auto)),
        ("rider", auto(settings.rider.auto)),
    ];
    let notification = &settings.notification;
    let sections = sections.into_iter().chain([
        (
            "notification",
            vec![
                ("language", format!("{:?}", notification.language.as_str())),
                ("at_once", notification.at_once.to_string()),
            ],
        ),
        (
            "notification.retry",
            vec![
                ("first", seconds(notification.retry.first)),
                ("cap", seconds(notification.retry.cap)),
                ("attempts", notification.retry.attempts.to_string()),
            ],
        ),
    ]);
    let mut text = String::new();
    for (name, values) in sections {
        let _ = writeln!(text, "\n[services.{name}]"); // a String takes everything
        for (key, value) in values {
            let _ = writeln!(text, "{key} = {value}");
        }
    }
    text
}

/// With a point, as numbers of seconds have.
fn seconds(time: Duration) -> String {
    format!("{:?}", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let ms = Duration::from_millis;
        // Every field is named, so that a new one is not forgotten here.
        let all = Settings {
            orchestrator: orchestrator::Settings {
                deadlines: orchestrator::Deadlines {
                    pay: Some(ms(1)),
                    accept: Some(ms(2_500)),
                    cook_start: Some(ms(3_000)),
                    cook_finish: Some(ms(4_000)),
                    assign: Some(ms(5_000)),
                    pickup: Some(ms(6_000)),
                    deliver: Some(ms(86_400_000)),
                    reprice: Some(ms(7_000)),
                    amend: Some(ms(8_000)),
                },
                retry: orchestrator::Retry { first: ms(100), cap: ms(2_000), attempts: 7 },
                schedule: orchestrator::Lead { earliest: ms(1_500), latest: ms(90_000) },
                outbox_age_limit: ms(61_500),
            },
            payment: payment::Settings { slow_after: ms(1_250) },
            store: store::Settings { auto: true },
            cook: cook::Settings { auto: true },
            rider: rider::Settings { auto: true },
            notification: notification::Settings {
                language: notification::Language::En,
                at_once: 3,
                retry: notification::Retry { first: ms(250), cap: ms(9_000), attempts: 4 },
            },
        };
        for settings in [all, Settings::default()] {
            let read: crate::config::File = toml::from_str(&sections(&settings)).unwrap();
            assert_eq!(format!("{:?}", read.services), format!("{settings:?}"));
        }
    }
}
