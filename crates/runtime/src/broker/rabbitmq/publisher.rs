//! The one task that publishes: batch after batch over one channel, one connection a generation.
//!
//! While there is no connection, and while an alarm blocks it, everything is answered at once with
//! "unavailable": the outbox keeps it. One batch is on its way at a time, since what comes back is
//! known by the batch only.

use std::{collections::VecDeque, future::Future};

use lapin::{Channel, options::ConfirmSelectOptions};
use mutants::mutant;
use tokio::sync::mpsc;

use crate::{
    broker::{
        Outcome, Reach,
        rabbitmq::{
            Options, Request, StartError,
            batch::{self, LARGEST_BATCH},
            link::{self, Heard, Link},
            pauses::Pauses,
            topology,
        },
    },
    ports::Ports,
};

pub(super) struct Publisher {
    options: Options,
    ports: Ports,
    requests: mpsc::Receiver<Vec<Request>>,
    waiting: VecDeque<Request>,
    reach: Reach,
}

/// How a generation ended.
enum End {
    /// Nobody is left who could publish.
    Stopped,
    /// The connection cannot be used any more.
    Lost(String),
}

/// What became of a batch.
enum Sent {
    Judged(Vec<Outcome>),
    Blocked(String),
    Lost(String),
}

impl Publisher {
    pub(super) fn new(
        options: Options,
        ports: Ports,
        requests: mpsc::Receiver<Vec<Request>>,
        reach: Reach,
    ) -> Self {
        Self { options, ports, requests, waiting: VecDeque::new(), reach }
    }

    /// Publishes until nobody is left who could; the first generation is given, or why there was
    /// none.
    pub(super) async fn run(mut self, first: Result<(Link, Channel), StartError>) {
        let mut pauses = Pauses::new();
        let (options, ports) = (self.options.clone(), self.ports.clone());
        let mut opened = first;
        loop {
            let began = ports.clock.elapsed();
            let reason = match opened {
                Ok((link, channel)) => {
                    self.reach.regained(ports.now());
                    let end = self.generation(link, &channel).await;
                    self.reach.lost(ports.now());
                    match end {
                        End::Stopped => return,
                        End::Lost(reason) => reason,
                    }
                }
                Err(error) => error.to_string(),
            };
            tracing::warn!(name = %options.name, reason, "publishing is interrupted");
            let lived = ports.clock.elapsed().saturating_sub(began);
            let pause = pauses.after(lived);
            let reopening = async {
                ports.clock.sleep(pause).await;
                open(&options, &ports).await
            };
            match self.refuse_during(reopening).await {
                Some(reopened) => opened = reopened,
                None => return,
            }
        }
    }

    /// Publishes until the connection is lost.
    async fn generation(&mut self, mut link: Link, channel: &Channel) -> End {
        loop {
            let Some(heard) = self.gather(&mut link).await else {
                link.close().await;
                return End::Stopped;
            };
            let sent = match heard {
                Some(Heard::Lost(reason)) => Sent::Lost(reason),
                Some(Heard::Blocked(reason)) => Sent::Blocked(reason),
                Some(Heard::Unblocked) => continue,
                None => self.send(&mut link, channel).await,
            };
            match sent {
                Sent::Judged(outcomes) => {
                    for (request, outcome) in self.waiting.drain(..outcomes.len()).zip(outcomes) {
                        // Whoever does not wait any more finds the row in the outbox.
                        drop(request.confirm.send(outcome));
                    }
                }
                Sent::Lost(reason) => {
                    self.refuse_waiting();
                    return End::Lost(reason);
                }
                Sent::Blocked(reason) => {
                    tracing::warn!(name = %self.options.name, reason, "the broker is blocked");
                    self.refuse_waiting();
                    // What was sent before may still be taken, and returned, later: only a fresh
                    // channel keeps it apart from what is sent then.
                    return match self.refuse_during(unblocked(&mut link)).await {
                        Some(reason) => End::Lost(reason),
                        None => End::Stopped,
                    };
                }
            }
        }
    }

    /// Waits until there is something to publish (`Some(None)`) or something was heard. `None` when
    /// nobody is left who could publish.
    async fn gather(&mut self, link: &mut Link) -> Option<Option<Heard>> {
        while self.waiting.len() < LARGEST_BATCH
            && let Ok(requests) = self.requests.try_recv()
        {
            self.take_in(requests);
        }
        while self.waiting.is_empty() {
            tokio::select! {
                biased;
                heard = link.news.next() => return Some(Some(heard)),
                requests = self.requests.recv() => self.take_in(requests?),
            }
        }
        Some(None)
    }

    /// Takes in what can be sent at all.
    fn take_in(&mut self, requests: Vec<Request>) {
        for request in requests {
            if !batch::can_be_sent(&request.publication) {
                let id = request.publication.message_id;
                tracing::error!(message_id = %id, "no queue can take a message of that size");
                drop(request.confirm.send(Outcome::Unroutable));
            } else if !topology::is_known(&request.publication.exchange)
                && !mutant!("rabbitmq-publishes-to-what-is-not-there")
            {
                // Publishing to it would close the channel, and lose the confirms of the others.
                let exchange = request.publication.exchange.as_str();
                tracing::error!(exchange, "there is no such exchange");
                drop(request.confirm.send(Outcome::Unavailable));
            } else {
                self.waiting.push_back(request);
            }
        }
    }

    async fn send(&mut self, link: &mut Link, channel: &Channel) -> Sent {
        let batch = self.waiting.make_contiguous();
        let batch = &batch[..batch.len().min(LARGEST_BATCH)];
        let mut publishing = std::pin::pin!(batch::publish(channel, batch));
        let mut late = std::pin::pin!(self.ports.clock.sleep(self.options.confirm_within));
        loop {
            tokio::select! {
                biased;
                judged = &mut publishing => {
                    return judged.map_or_else(|error| Sent::Lost(error.to_string()), Sent::Judged);
                }
                heard = link.news.next() => match heard {
                    Heard::Blocked(reason) => return Sent::Blocked(reason),
                    Heard::Lost(reason) => return Sent::Lost(reason),
                    Heard::Unblocked => {}
                },
                () = &mut late => return Sent::Lost("a confirm did not come in time".to_owned()),
            }
        }
    }

    fn refuse_waiting(&mut self) {
        refuse(self.waiting.drain(..));
    }

    /// Answers to everything that it is not possible now, until `wait` is over. `None` when nobody
    /// is left who could publish.
    async fn refuse_during<T>(&mut self, wait: impl Future<Output = T>) -> Option<T> {
        let mut wait = std::pin::pin!(wait);
        loop {
            tokio::select! {
                done = &mut wait => return Some(done),
                requests = self.requests.recv() => refuse(requests?),
            }
        }
    }
}

fn refuse(requests: impl IntoIterator<Item = Request>) {
    for request in requests {
        drop(request.confirm.send(Outcome::Unavailable));
    }
}

/// A connection whose channel confirms, with the topology verified.
pub(super) async fn open(options: &Options, ports: &Ports) -> Result<(Link, Channel), StartError> {
    let link = topology::connect(options, "publish", &options.services, ports).await?;
    let confirming = async {
        let channel = link.connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok::<_, lapin::Error>(channel)
    };
    let opening =
        async { confirming.await.map_err(|error| StartError::Unreachable(error.to_string())) };
    let channel = link::set_up(ports, opening).await?;
    Ok((link, channel))
}

/// Resolves when the alarm is over, or the connection lost; says which.
async fn unblocked(link: &mut Link) -> String {
    loop {
        match link.news.next().await {
            Heard::Unblocked => return "the alarm is over".to_owned(),
            Heard::Lost(reason) => return reason,
            Heard::Blocked(_) => {}
        }
    }
}
