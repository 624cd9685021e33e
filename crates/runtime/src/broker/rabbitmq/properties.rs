//! What a publication looks like on the wire, beside its bytes.

use contracts::{MessageId, routes};
use lapin::{BasicProperties, options::BasicPublishOptions, types::ShortString};
use mutants::mutant;
use serde::Deserialize;

use crate::broker::Publication;

/// Survives a restart of the broker.
const PERSISTENT: u8 = 2;

/// The one attribute of an envelope that people who look at queues want to see beside it.
#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: String,
}

/// Persistent, and found again by its id when the broker hands it back.
pub(super) fn of(publication: &Publication) -> BasicProperties {
    let properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type(contracts::envelope::MEDIA_TYPE.into())
        .with_message_id(publication.message_id.to_string().into());
    let kind = serde_json::from_slice::<Kind>(&publication.payload).ok();
    match kind.and_then(|it| ShortString::try_new(it.kind).ok()) {
        Some(kind) => properties.with_type(kind),
        None => properties,
    }
}

/// The id that [`of`] has given.
pub(super) fn message_id(properties: &BasicProperties) -> Option<MessageId> {
    let id = properties.message_id().as_ref()?;
    id.as_str().parse().ok().map(MessageId)
}

/// What is meant for one service and no queue takes comes back. Other events go to the alternate
/// exchange.
pub(super) fn options(publication: &Publication) -> BasicPublishOptions {
    let mandatory = publication.exchange != routes::EVENTS_EXCHANGE
        && !mutant!("rabbitmq-does-not-ask-for-what-no-queue-takes");
    BasicPublishOptions { mandatory, ..BasicPublishOptions::default() }
}
