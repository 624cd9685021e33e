//! What lies in the queues of a virtual host, and their removal: for who works in one for a while
//! and leaves it as it was. No service uses this.

use contracts::{QueueKind, ServiceName, routes};
use lapin::{
    ErrorKind,
    options::{ExchangeDeleteOptions, QueueDeclareOptions, QueueDeleteOptions},
    types::FieldTable,
};

use super::{Options, StartError, link, topology};
use crate::ports::Ports;

/// The reply code by which a broker says that there is no such queue.
const NOT_FOUND: u16 = 404;

/// A queue as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Its name.
    pub queue: String,
    /// How many messages wait in it that nobody has been given.
    pub messages: u32,
    /// How many consumers it has.
    pub consumers: u32,
}

/// The queues of the services that are there; the queue of unheard events is not among them.
///
/// # Errors
///
/// The broker cannot be asked.
pub async fn depths(options: &Options, ports: &Ports) -> Result<Vec<Depth>, StartError> {
    let link = link::open(options, "look", ports).await?;
    let look = async {
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
        let mut found = Vec::new();
        let mut channel = link.connection.create_channel().await?;
        for queue in queues(&options.services) {
            let none = FieldTable::default();
            match channel.queue_declare(queue.as_str().into(), passive, none).await {
                Ok(state) => found.push(Depth {
                    queue,
                    messages: state.message_count(),
                    consumers: state.consumer_count(),
                }),
                // Whoever asks for what is not there loses the channel.
                Err(error) if is_not_found(&error) => {
                    channel = link.connection.create_channel().await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    };
    let found =
        link::set_up(ports, async { look.await.map_err(|it| topology::refused(&it)) }).await;
    link.close().await;
    found
}

/// Removes the queues of the services with all that is in them, the queue of unheard events, and
/// the exchanges. What is not there is no error.
///
/// # Errors
///
/// The broker cannot be asked, or refuses.
pub async fn remove(options: &Options, ports: &Ports) -> Result<(), StartError> {
    let link = link::open(options, "remove", ports).await?;
    let work = async {
        let channel = link.connection.create_channel().await?;
        let unheard = [routes::UNHEARD_EXCHANGE.to_owned()];
        for queue in queues(&options.services).into_iter().chain(unheard) {
            channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await?;
        }
        for exchange in [
            routes::COMMANDS_EXCHANGE,
            routes::EVENTS_EXCHANGE,
            routes::REPLAY_EXCHANGE,
            routes::DEAD_EXCHANGE,
            routes::UNHEARD_EXCHANGE,
        ] {
            channel.exchange_delete(exchange.into(), ExchangeDeleteOptions::default()).await?;
        }
        channel.close(200, "OK".into()).await
    };
    let done = link::set_up(ports, async { work.await.map_err(|it| topology::refused(&it)) }).await;
    link.close().await;
    done
}

fn queues(services: &[ServiceName]) -> Vec<String> {
    let of = |&service| {
        let kinds = [QueueKind::Commands, QueueKind::Events];
        let queues = kinds.map(|kind| routes::queue(service, kind));
        queues.into_iter().chain([topology::dead_queue(service)])
    };
    services.iter().flat_map(of).collect()
}

fn is_not_found(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(error) if error.get_id() == NOT_FOUND)
}
