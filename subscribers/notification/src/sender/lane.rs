//! Sends to one recipient: claim, send, record, and the next one, until nothing is left or something
//! is to be tried again later.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use runtime::{Key, Problem, Reply};
use uuid::Uuid;

use super::Sender;
use crate::{
    Request,
    aggregates::{Kept, MESSAGE},
    channel::Sent,
    message::{Message, Outcome, State},
    recipient::Recipient,
    service::Next,
};

/// How long a recipient is left alone whom somebody else sends to.
const LINGER: Duration = Duration::from_millis(500);
/// The pauses while what came of a message cannot be recorded: the first, and the longest.
const RECORDING: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

impl Sender {
    /// Sends to that recipient what is to be sent now.
    pub(super) async fn lane(&self, recipient: Recipient) {
        if let Err(problem) = self.send_all(&recipient).await {
            // The claim ends by itself, and whoever comes then goes on.
            tracing::warn!(%recipient, slug = problem.slug(), "a recipient is put off");
        }
        self.busy().remove(&recipient);
        self.freed.notify_one();
    }

    async fn send_all(&self, recipient: &Recipient) -> Result<(), Problem> {
        let claim = self.ports.ids.next();
        let mut claimed = self.ports.clock.elapsed();
        let asked = Request::Claim { recipient: recipient.clone(), claim, lease: self.lease };
        let mut next = self.ask(asked).await?;
        if next.held {
            // Whoever holds it, or its pause, goes on for a while: no need to ask at every commit.
            self.ports.clock.sleep(LINGER).await;
        }
        while let Some(id) = next.message.take() {
            let kept = self.handle.get(&Key::new(MESSAGE, &id)).await?;
            let Some(message) = kept.as_ref().and_then(Kept::message) else {
                return Err(Problem::internal());
            };
            // Sending must be over before the claim is: somebody else may begin then.
            let held = self.ports.clock.elapsed().saturating_sub(claimed);
            if held + self.channel.time_limit() >= self.lease {
                return Err(Problem::unavailable("The claim has become too old."));
            }
            let outcome = self.send(message).await;
            claimed = self.ports.clock.elapsed();
            let lease = self.goes_on().then_some(self.lease);
            next = self.record(recipient, claim, id, outcome, lease).await?;
        }
        Ok(())
    }

    /// Whether another message may be sent behind this one.
    fn goes_on(&self) -> bool {
        !self.is_stopping() && !self.health().is_open()
    }

    /// Gives a message to the channel, for as long as that may take, and judges what came of it.
    async fn send(&self, message: &Message) -> Outcome {
        let limit = self.channel.time_limit();
        let sent = tokio::select! {
            biased;
            sent = self.channel.send(message) => sent,
            () = self.ports.clock.sleep(limit) => {
                Sent::later(format!("no answer within {} s", limit.as_secs_f64()))
            }
        };
        let (now, recipient) = (self.ports.clock.elapsed(), &message.recipient);
        let mut health = self.health();
        let was_open = health.is_open();
        let outcome = match sent {
            Sent::Taken => {
                health.works(recipient, now);
                Outcome::Taken
            }
            Sent::Refused { reason } => {
                health.works(recipient, now);
                Outcome::Refused { reason }
            }
            Sent::Later { reason, after, away } => {
                let counts = health.fails(recipient, away, now);
                let pause = self.pause(message.attempts).max(after.unwrap_or_default());
                Outcome::Again { reason, counts, pause }
            }
        };
        let open = health.is_open();
        drop(health);
        self.metrics.breaker(open);
        match (was_open, open) {
            (false, true) => tracing::warn!(channel = self.channel.name(), "takes nothing"),
            (true, false) => tracing::info!(channel = self.channel.name(), "takes messages again"),
            _ => {}
        }
        outcome
    }

    /// The pause before a message is tried again that was tried so often before, with chance in it,
    /// so that those who failed together do not come back together.
    fn pause(&self, attempts: u32) -> Duration {
        let retry = &self.handle.service().settings().retry;
        let (_, seed) = self.ports.ids.next().as_u64_pair();
        let mut pauses = ExponentialBuilder::default()
            .with_min_delay(retry.first)
            .with_max_delay(retry.cap)
            .without_max_times()
            .with_jitter()
            .with_jitter_seed(seed)
            .build();
        // The cap is reached long before.
        let nth = usize::try_from(attempts.min(32)).unwrap_or(0);
        pauses.nth(nth).unwrap_or(retry.cap)
    }

    /// Records what came of a message, as long as the claim can hold.
    async fn record(
        &self,
        recipient: &Recipient,
        claim: Uuid,
        message: String,
        outcome: Outcome,
        lease: Option<Duration>,
    ) -> Result<Next, Problem> {
        let failed = matches!(outcome, Outcome::Again { .. });
        let request =
            Request::Settle { recipient: recipient.clone(), claim, message, outcome, lease };
        let began = self.ports.clock.elapsed();
        let mut pauses = ExponentialBuilder::default()
            .with_min_delay(RECORDING.0)
            .with_max_delay(RECORDING.1)
            .without_max_times()
            .build();
        let next = loop {
            match self.ask(request.clone()).await {
                Ok(next) => break next,
                Err(problem) => {
                    let spent = self.ports.clock.elapsed().saturating_sub(began);
                    if problem.status != 503 || self.is_stopping() || spent > self.lease {
                        return Err(problem);
                    }
                    self.ports.clock.sleep(pauses.next().unwrap_or(RECORDING.1)).await;
                }
            }
        };
        match next.settled {
            Some(State::Sent) => drop(self.metrics.sent.inc()),
            Some(State::GivenUp) => {
                self.metrics.given_up.inc();
                tracing::warn!(%recipient, "a message is given up");
            }
            Some(State::Pending) | None => {}
        }
        if failed {
            self.metrics.failed.inc();
        }
        Ok(next)
    }

    async fn ask(&self, request: Request) -> Result<Next, Problem> {
        match self.handle.decide(request).await? {
            Reply::Done { body, .. } => {
                serde_json::from_value(body).map_err(|_| Problem::internal())
            }
            Reply::None | Reply::Refused(_) => Err(Problem::internal()),
        }
    }
}
