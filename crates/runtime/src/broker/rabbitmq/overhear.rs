//! Hears messages as they pass, in a queue of its own, and takes them from nobody: for who watches a
//! running system and must not miss when something happens. No service uses this.

use futures_util::StreamExt;
use lapin::{
    Consumer,
    options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions},
    types::FieldTable,
};

use super::{Options, StartError, link, topology};
use crate::ports::Ports;

/// Messages that pass. Ends with its connection; its queue goes with it.
pub struct Overheard {
    consumer: Consumer,
    _link: link::Link,
}

/// A message that has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passing {
    /// The exchange that it was published to.
    pub exchange: String,
    /// The routing key that it was published with.
    pub routing_key: String,
    /// The bytes as published.
    pub payload: Vec<u8>,
}

/// Begins to hear what passes these exchanges, each with a key as bindings have it. What was
/// published before is not heard.
///
/// # Errors
///
/// The broker cannot be used, or refuses.
pub async fn overhear(
    options: &Options,
    bindings: &[(&str, impl AsRef<str>)],
    ports: &Ports,
) -> Result<Overheard, StartError> {
    let link = topology::connect(options, "overhear", &options.services, ports).await?;
    let subscribing = async {
        let subscribing = async {
            let channel = link.connection.create_channel().await?;
            let own = QueueDeclareOptions { exclusive: true, auto_delete: true, ..<_>::default() };
            let queue = channel.queue_declare("".into(), own, FieldTable::default()).await?;
            let name = queue.name();
            for (exchange, key) in bindings {
                let (options, none) = (QueueBindOptions::default(), FieldTable::default());
                let (exchange, key) = ((*exchange).into(), key.as_ref().into());
                channel.queue_bind(name.clone(), exchange, key, options, none).await?;
            }
            let heard = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
            channel.basic_consume(name.clone(), "".into(), heard, FieldTable::default()).await
        };
        subscribing.await.map_err(|error| topology::refused(&error))
    };
    let consumer = link::set_up(ports, subscribing).await?;
    Ok(Overheard { consumer, _link: link })
}

impl Overheard {
    /// The next message; `None` when the connection is lost.
    pub async fn next(&mut self) -> Option<Passing> {
        let delivery = self.consumer.next().await?.ok()?;
        Some(Passing {
            exchange: delivery.exchange.as_str().to_owned(),
            routing_key: delivery.routing_key.as_str().to_owned(),
            payload: delivery.data,
        })
    }
}
