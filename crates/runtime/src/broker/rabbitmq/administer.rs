//! For who administers a virtual host: making what services need in it, looking at what lies in its
//! queues, and removing them. No service uses this.

use contracts::{ServiceName, routes};
use lapin::{
    options::{ExchangeDeleteOptions, QueueDeclareOptions, QueueDeleteOptions},
    types::FieldTable,
};

use super::{Options, StartError, link, topology};
use crate::ports::Ports;

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

/// Makes the exchanges, queues and bindings of the services. What is there must be as it is to be.
///
/// # Errors
///
/// The broker cannot be asked, or refuses, or something is there with other properties.
pub async fn declare(options: &Options, ports: &Ports) -> Result<(), StartError> {
    let link = link::open(options, "declare", ports).await?;
    let work = topology::declare(&link.connection, &options.services);
    let done = link::set_up(ports, async { work.await.map_err(|it| topology::refused(&it)) }).await;
    link.close().await;
    done
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
                Err(error) if topology::is_not_found(&error) => {
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
        for queue in queues(&options.services).chain(unheard) {
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

fn queues(services: &[ServiceName]) -> impl Iterator<Item = String> {
    services.iter().flat_map(|&service| topology::queues(service))
}
