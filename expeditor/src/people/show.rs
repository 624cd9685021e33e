//! One run of the demo: so many orders, each with its plan, until all have ended and the system
//! has come to rest. Counts how they ended, and says what did not go as planned.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use runtime::auth::Role;

use super::{
    book::Book,
    client::{Client, Trouble},
    crowd::{Crowd, Stream},
    customer::Errand,
    outcome::{Acknowledged, Outcome},
    pace::Closing,
    plan::{Ending, Plan, Plans},
    town::Town,
};
use crate::{audit::Knowledge, exit::Failure, system::Settings};

/// A running system, as somebody has it who plays on it.
#[async_trait]
pub trait Stage: Send + Sync {
    /// An app of somebody who lives with this system, as patient as that.
    fn client(&self, patience: Duration) -> Client;

    /// How many messages are on their way, as far as can be seen.
    async fn on_their_way(&self) -> Result<u64, Failure>;

    /// How long a person waits for anything at all; longer than every ending takes.
    fn patience(&self) -> Duration {
        PATIENCE
    }

    /// How far ahead an order for later lies: so far that what is done with it before its time can
    /// be done in time.
    fn lead(&self) -> Duration {
        LEAD
    }
}

/// What is played.
#[derive(Clone, Debug)]
pub struct Script {
    /// How many orders.
    pub orders: u32,
    /// How many of them a second at most.
    pub rate: f64,
    /// What decides the plans.
    pub seed: u64,
}

/// The deadline of whoever is silent on purpose. Everybody else answers within a fraction of a
/// second; a loaded machine gets many times that.
const DEADLINE: Duration = Duration::from_secs(8);
/// The slow gateway answers well after the deadline.
const SLOW: Duration = Duration::from_secs(16);
/// See [`Stage::lead`]: a slow machine still takes it in time.
const LEAD: Duration = Duration::from_secs(3);
/// See [`Stage::patience`].
const PATIENCE: Duration = Duration::from_secs(60);
/// How long requests are repeated that are not answered, or answered 503.
const CLIENT_PATIENCE: Duration = Duration::from_secs(12);
/// How long messages may still be on their way once every order has ended.
const REST: Duration = Duration::from_secs(20);
/// So many looks in a row must find nothing on its way: what a consumer has in hand at the moment of
/// one look has led to something by the next.
const QUIET_LOOKS: u32 = 3;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
/// How many complaints are told.
const TOLD: usize = 3;

/// How it went.
#[derive(Debug, Default)]
pub struct Show {
    /// How many orders were planned to end how.
    pub planned: BTreeMap<Ending, u64>,
    /// How many ended how.
    pub ended: BTreeMap<Ending, u64>,
    /// Every order that was acknowledged.
    pub acknowledged: Vec<Acknowledged>,
    /// Whether all sagas have ended and all messages were consumed.
    pub at_rest: bool,
    /// What went otherwise than planned.
    pub complaints: Vec<String>,
}

impl Show {
    /// The settings for it: deadlines of seconds instead of minutes.
    pub fn settings(mut settings: Settings) -> Settings {
        settings.orchestrator.deadlines.pay = Some(DEADLINE);
        settings.orchestrator.deadlines.accept = Some(DEADLINE);
        settings.orchestrator.deadlines.cook_start = Some(DEADLINE);
        settings.orchestrator.deadlines.assign = Some(DEADLINE);
        settings.orchestrator.schedule.earliest = Duration::from_millis(1);
        settings.payment.slow_after = SLOW;
        settings
    }

    /// Plays the script on a running system; calls `step` whenever an order has ended.
    pub async fn play(
        stage: &dyn Stage,
        script: &Script,
        closing: Closing,
        step: impl FnMut(),
    ) -> Result<Self, Failure> {
        let plans = Plans::new(script.seed).draw_all(script.orders);
        Self::play_plans(stage, plans, script, closing, step).await
    }

    /// Plays these plans at the script's rate, one after another for as long as there are more.
    pub async fn play_plans(
        stage: &dyn Stage,
        plans: impl IntoIterator<Item = Plan>,
        script: &Script,
        closing: Closing,
        mut step: impl FnMut(),
    ) -> Result<Self, Failure> {
        let client = stage.client(CLIENT_PATIENCE);
        let mut show = Self::default();
        let mut planned = BTreeMap::<Ending, u64>::new();
        let plans = plans.into_iter().inspect(|plan| {
            *planned.entry(plan.ending()).or_default() += 1;
        });
        let errands = (0..).zip(plans).map(|(number, plan)| Errand {
            number,
            plan,
            key: format!("demo-{}-{number}", script.seed),
            lead: stage.lead(),
        });
        let (book, patience) = (Book::default(), stage.patience());
        let crowd = Crowd::gather(client.clone(), book, closing, patience).await;
        let mut crowd = crowd.map_err(trouble)?;
        let ended = |outcome| {
            show.note(outcome);
            step();
        };
        let stream = crowd.serve(errands, script.rate, patience, ended).await;
        crowd.dismiss().await;
        show.planned = planned;
        match stream.map_err(trouble)? {
            Stream::AllEnded => show.come_to_rest(stage, &client).await?,
            Stream::Closed => {
                return Err(Failure::No("stopped before every order had ended".to_owned()));
            }
        }
        Ok(show)
    }

    fn note(&mut self, outcome: Result<Outcome, String>) {
        match outcome {
            Ok(outcome) => {
                if let Some(ending) = outcome.ending() {
                    *self.ended.entry(ending).or_default() += 1;
                }
                self.complaints.extend(outcome.complaint());
                self.acknowledged.extend(outcome.acknowledged);
            }
            Err(text) => self.complaints.push(text),
        }
    }

    /// Waits until no saga is running and no message is on its way. That it does not come to rest
    /// is a finding of the audit.
    async fn come_to_rest(&mut self, stage: &dyn Stage, client: &Client) -> Result<(), Failure> {
        let client = client.acting_as(Role::Operator);
        let mut quiet = 0;
        let clock = &client.ports().clock;
        let start = clock.elapsed();
        while clock.elapsed().saturating_sub(start) < REST {
            let mut open = stage.on_their_way().await?;
            for status in ["running", "compensating"] {
                let path = format!("/operator/sagas?status={status}&limit=1");
                let answer = client.must_get(&path).await.map_err(trouble)?;
                let items = answer.body.get("items").and_then(|items| items.as_array());
                open += items.map_or(1, |items| items.len() as u64);
            }
            quiet = if open == 0 { quiet + 1 } else { 0 };
            if quiet == QUIET_LOOKS {
                break;
            }
            clock.sleep(BETWEEN_LOOKS).await;
        }
        // Whether it has is for the audit to say.
        self.at_rest = true;
        Ok(())
    }

    /// What the audit is told beyond what is stored.
    pub fn knowledge(&self) -> Knowledge {
        Knowledge {
            acknowledged: self.acknowledged.clone(),
            put_in: Town::plan().put_in(),
            at_rest: self.at_rest,
        }
    }

    /// Whether every order ended as planned.
    pub fn verdict(&self) -> Result<(), Failure> {
        if self.complaints.is_empty() {
            return Ok(());
        }
        let mut text = format!("{} orders went otherwise than planned: ", self.complaints.len());
        text.push_str(&self.complaints[..self.complaints.len().min(TOLD)].join(" | "));
        if self.complaints.len() > TOLD {
            text.push_str(" | …");
        }
        Err(Failure::No(text))
    }
}

/// A system that does not answer is a matter of the machine; an answer that makes no sense is a
/// "no".
fn trouble(trouble: Trouble) -> Failure {
    match trouble {
        Trouble::Down(text) => Failure::Environment(text),
        Trouble::Odd(text) => Failure::No(text),
    }
}
