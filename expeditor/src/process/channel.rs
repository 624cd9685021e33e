//! By which channel `serve notification` sends: a webhook where one is named, else the log.

use std::{path::PathBuf, sync::Arc, time::Duration};

use contracts::ServiceName;
use notification::channel::{
    Channel, Log, Webhook, WebhookError,
    webhook::{Options, Secret, TIMEOUT},
};
use runtime::ports::Ports;

use super::options::{ServeArgs, ServeFile};
use crate::{config::Number, exit::Failure};

/// What is said of a webhook. Where the command line names one, the file's is not asked.
#[derive(Default)]
pub(super) struct WebhookOptions {
    url: Option<String>,
    secret_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    timeout: Option<Number>,
}

impl WebhookOptions {
    /// Takes them out of the options and the file.
    pub(super) fn take(options: &mut ServeArgs, section: &mut ServeFile) -> Self {
        let file = (
            section.webhook_url.take(),
            section.webhook_secret_file.take(),
            section.webhook_ca_file.take(),
            section.webhook_timeout.take(),
        );
        Self {
            url: options.webhook_url.take().or(file.0),
            secret_file: options.webhook_secret_file.take().or(file.1),
            ca_file: options.webhook_ca_file.take().or(file.2),
            timeout: options.webhook_timeout.take().or(file.3),
        }
    }

    /// The channel that they name. Only notification has one.
    pub(super) fn channel(
        self,
        service: ServiceName,
        ports: &Ports,
    ) -> Result<Arc<dyn Channel>, Failure> {
        let Self { url, secret_file, ca_file, timeout } = self;
        let named = [
            ("webhook-url", url.is_some()),
            ("webhook-secret-file", secret_file.is_some()),
            ("webhook-ca-file", ca_file.is_some()),
            ("webhook-timeout", timeout.is_some()),
        ];
        let first = named.iter().find_map(|(name, is)| is.then_some(name));
        if let Some(name) = first.filter(|_| service != ServiceName::Notification) {
            return Err(usage(&format!("--{name} is for notification, and this is {service}")));
        }
        let Some(url) = url else {
            return match first {
                None => Ok(Arc::new(Log::Info)),
                Some(name) => Err(usage(&format!("--{name} is not without --webhook-url"))),
            };
        };
        let secret = secret_file.ok_or_else(|| {
            usage(
                "--webhook-url is not without --webhook-secret-file (or \
                 EXPEDITOR_WEBHOOK_SECRET_FILE, or webhook-secret-file in [serve] of the file of \
                 --config)",
            )
        })?;
        let secret =
            Secret::read(&secret).map_err(|error| told("--webhook-secret-file", &error))?;
        let timeout = timeout.map_or(Ok(TIMEOUT), |seconds| {
            Duration::try_from_secs_f64(seconds.get())
                .map_err(|_| usage("--webhook-timeout is a number of seconds"))
        })?;
        let options = Options { url, secret, timeout, ca_file };
        let webhook =
            Webhook::new(options, ports).map_err(|error| told("--webhook-url", &error))?;
        Ok(Arc::new(webhook))
    }
}

fn told(option: &str, error: &WebhookError) -> Failure {
    let text = format!("serve: {option}: {error}");
    match error {
        WebhookError::Usage(_) => Failure::Usage(text),
        WebhookError::Environment(_) => Failure::Environment(text),
    }
}

fn usage(why: &str) -> Failure {
    Failure::Usage(format!("serve: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Set<'a> = Box<dyn FnOnce(&mut ServeArgs) + 'a>;

    fn channel(service: ServiceName, set: impl FnOnce(&mut ServeArgs)) -> Result<String, Failure> {
        let mut options = ServeArgs::default();
        set(&mut options);
        let webhook = WebhookOptions::take(&mut options, &mut ServeFile::default());
        Ok(webhook.channel(service, &Ports::system())?.name().to_owned())
    }

    #[test]
    fn a_webhook_is_named_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("secret");
        std::fs::write(&file, "hidden-0123456789\n").unwrap();
        let here = "http://127.0.0.1:9/hidden".to_owned();
        let notification = ServiceName::Notification;
        assert_eq!(channel(notification, |_| {}).unwrap(), "log");
        let whole = channel(notification, |it| {
            it.webhook_url = Some(here.clone());
            it.webhook_secret_file = Some(file.clone());
        });
        assert_eq!(whole.unwrap(), "webhook");
        let cases: [(ServiceName, Set<'_>, &str); 5] = [
            (notification, Box::new(|it| it.webhook_url = Some(here.clone())), "secret-file"),
            (
                notification,
                Box::new(|it| it.webhook_secret_file = Some(file.clone())),
                "not without --webhook-url",
            ),
            (
                ServiceName::Cook,
                Box::new(|it| it.webhook_url = Some(here.clone())),
                "is for notification, and this is cook",
            ),
            (
                notification,
                Box::new(|it| {
                    it.webhook_url = Some("http://m.example/hidden".to_owned());
                    it.webhook_secret_file = Some(file.clone());
                }),
                "is another machine",
            ),
            (
                notification,
                Box::new(|it| {
                    it.webhook_url = Some(here.clone());
                    it.webhook_secret_file = Some(file.clone());
                    it.webhook_timeout = Some("500".parse().unwrap());
                }),
                "at most 120 s",
            ),
        ];
        for (service, set, says) in cases {
            let failure = channel(service, set).unwrap_err();
            let text = failure.to_string();
            assert!(text.contains(says) && !text.contains("hidden"), "{text}");
            assert_eq!(failure.status(), 2, "{text}");
        }
    }
}
