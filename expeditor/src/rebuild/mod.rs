//! Makes a subscriber's database again from what the services have published: what it holds is
//! cleared in one transaction, then every published event that it listens to goes through its
//! service's outbox once more, to that one subscriber.
//!
//! Cleared first: whatever happens meanwhile is either published before it is looked for here, or
//! reaches the subscriber after the clearing; so nothing is missed beside running services. An
//! event may come both ways, which a subscriber has to bear anyway. A rebuild that was interrupted
//! is begun again.

pub mod options;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use contracts::{
    Envelope, EventType, ServiceName,
    routes::{REPLAY_EXCHANGE, replay_key, subscriptions},
};
use runtime::{
    db::{Begin, Database, DbError, NewMessage, PublishedEvent, Writes},
    ports::Ports,
};

use crate::exit::Failure;

/// What the keys of rows that are sent again begin with in an outbox: `replay/<subject>`. They keep
/// the order in which they were published.
pub const REPLAY: &str = "replay";

/// How many events one transaction puts into an outbox.
const PAGE: u32 = 500;
/// No more is put into an outbox that holds so many rows: new messages wait behind what is sent
/// again.
const ENOUGH: u64 = 2_000;
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// An outbox that does not shrink for so long has no relay.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often the clearing is tried where others are in its way.
const TRIES: u32 = 5;

/// Whether somebody empties the outboxes meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relays {
    /// They run: no outbox is filled faster than it is emptied.
    Running,
    /// They will run later: all is laid ready for them.
    Later,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// How many rows the subscriber held.
    pub cleared: u64,
    /// How many events were laid into outboxes.
    pub resent: u64,
}

/// Every service's database, open for writing.
pub type Databases = BTreeMap<ServiceName, Arc<dyn Database>>;

/// Clears the subscriber's database and has everything sent to it again.
///
/// # Errors
///
/// A database cannot be worked on, or nobody empties an outbox. The subscriber then lacks something
/// until the next rebuild has come to its end.
pub async fn rebuild(
    subscriber: ServiceName,
    databases: &Databases,
    relays: Relays,
    ports: &Ports,
) -> Result<Rebuilt, Failure> {
    if !subscriber.is_read_model() {
        return Err(Failure::Usage(format!(
            "rebuild: {subscriber} owns what it holds; only what others have published can be made \
             again"
        )));
    }
    let own = databases.get(&subscriber).ok_or_else(|| missing(subscriber))?;
    let mut rebuilt = Rebuilt { cleared: clear(own.as_ref(), ports).await?, resent: 0 };
    let sources = ServiceName::ALL
        .into_iter()
        .filter(|service| subscriptions(subscriber).iter().any(|event| event.source() == *service));
    for service in sources {
        let database = databases.get(&service).ok_or_else(|| missing(service))?;
        let mut sending = Sending { subscriber, service, database: database.as_ref(), ports };
        rebuilt.resent += sending.all(relays).await?;
    }
    Ok(rebuilt)
}

fn missing(service: ServiceName) -> Failure {
    Failure::Usage(format!("rebuild: the database of {service} is wanted too"))
}

/// Services may be in the way for a moment: with a batch under way.
async fn clear(database: &dyn Database, ports: &Ports) -> Result<u64, Failure> {
    let mut tries = 1;
    loop {
        match database.forget_all().await {
            Err(DbError::Conflict(_)) if tries < TRIES => tries += 1,
            done => return Ok(done?),
        }
        ports.clock.sleep(LOOK_AGAIN).await;
    }
}

/// One service's events on their way into its outbox.
struct Sending<'a> {
    subscriber: ServiceName,
    service: ServiceName,
    database: &'a dyn Database,
    ports: &'a Ports,
}

impl Sending<'_> {
    async fn all(&mut self, relays: Relays) -> Result<u64, Failure> {
        // Beyond those of an earlier rebuild of which some may still lie there: no outbox is given
        // a thousand rows a millisecond.
        let first = u64::try_from(self.ports.now().as_millis()).unwrap_or_default() * 1_000;
        let (mut sent, mut place) = (0, 0);
        loop {
            let page = self.database.reader().published(place, PAGE).await?;
            let Some(last) = page.last() else { return Ok(sent) };
            place = last.id;
            let heard = page.iter().filter_map(|event| Some((event, self.heard(event)?)));
            let rows: Vec<NewMessage> = heard
                .zip(first + sent..)
                .map(|((event, kind), seq)| self.row(event, kind, seq))
                .collect::<Result<_, _>>()?;
            if rows.is_empty() {
                continue;
            }
            if relays == Relays::Running {
                self.room().await?;
            }
            sent += rows.len() as u64;
            let (transaction, _) = self.database.begin(Begin::default()).await?;
            let writes = Writes { messages: rows, now: self.ports.now(), ..Writes::default() };
            transaction.commit(writes).await?;
        }
    }

    /// What it is, where the subscriber listens to it.
    fn heard(&self, event: &PublishedEvent) -> Option<EventType> {
        EventType::parse(&event.kind).filter(|kind| subscriptions(self.subscriber).contains(kind))
    }

    /// The same message, under its own id, to this subscriber alone.
    fn row(
        &self,
        event: &PublishedEvent,
        kind: EventType,
        seq: u64,
    ) -> Result<NewMessage, Failure> {
        let envelope = Envelope::from_bytes(event.payload.as_bytes()).map_err(|error| {
            let (service, id) = (self.service, event.id);
            Failure::Environment(format!("{service}: published event {id} cannot be read: {error}"))
        })?;
        Ok(NewMessage {
            key: format!("{REPLAY}/{}", event.subject),
            seq,
            message_id: envelope.id,
            exchange: REPLAY_EXCHANGE,
            routing_key: replay_key(self.subscriber, kind),
            payload: event.payload.clone(),
            published: None,
        })
    }

    /// Waits until the outbox has room.
    async fn room(&self) -> Result<(), Failure> {
        let clock = &self.ports.clock;
        let (mut least, mut since) = (u64::MAX, clock.elapsed());
        loop {
            let (rows, _) = self.database.outbox().backlog().await?;
            if rows < ENOUGH {
                return Ok(());
            }
            if rows < least {
                (least, since) = (rows, clock.elapsed());
            }
            if clock.elapsed().saturating_sub(since) > PATIENCE {
                return Err(Failure::Environment(format!(
                    "rebuild: nothing leaves the outbox of {}: is a relay running? {} is not whole; \
                     begin again",
                    self.service, self.subscriber
                )));
            }
            clock.sleep(LOOK_AGAIN).await;
        }
    }
}
