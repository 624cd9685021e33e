//! A batch of publications: sent pipelined, judged as a whole.
//!
//! Never judge a publication by its own confirm: `lapin` hands a returned message to whichever
//! confirm comes next, which may be another one's (confirms of many come in no order). Hence only
//! a batch of which *every* confirm has come is judged, and there by the ids of what was returned.
//! `wait_for_confirms` is of no use: it returns while earlier confirms are still to come.

use std::{
    collections::HashSet,
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use contracts::MessageId;
use lapin::{Channel, Confirmation, PublisherConfirm, types::ShortString};
use mutants::mutant;

use crate::broker::{
    Outcome, Publication,
    rabbitmq::{Request, properties},
};

/// The most publications in one batch: enough that a confirm's way is shared by many, few enough
/// that one that is lost makes few others be sent again.
pub const LARGEST_BATCH: usize = 256;
/// Bytes. The broker closes the channel over what is larger than its own limit, which is never
/// below this.
pub const LARGEST_PAYLOAD: usize = 8 * 1024 * 1024;

/// Whether the broker can be asked to take it without closing the channel over it.
pub(super) fn can_be_sent(publication: &Publication) -> bool {
    publication.payload.len() <= LARGEST_PAYLOAD
        && ShortString::try_new(publication.exchange.as_str()).is_ok()
        && ShortString::try_new(publication.routing_key.as_str()).is_ok()
}

/// Publishes all in order and waits until the broker has answered to each. Answers one outcome
/// each, in the same order.
///
/// # Errors
///
/// The channel is gone: nothing is known about any of them, whatever some confirms may have said.
pub(super) async fn publish(channel: &Channel, batch: &[Request]) -> lapin::Result<Vec<Outcome>> {
    let mut confirms = Vec::with_capacity(batch.len());
    for sending in begin(channel, batch).await {
        confirms.push(match sending {
            Sending::Done(confirm) => confirm?,
            Sending::Going(sending) => sending.await?,
        });
    }
    let mut confirmations = Vec::with_capacity(confirms.len());
    for confirm in confirms {
        confirmations.push(confirm.await?);
    }
    let ids: Vec<_> = batch.iter().map(|request| request.publication.message_id).collect();
    Ok(judge(&ids, confirmations.iter().map(Answer::of).collect()))
}

enum Sending<'a> {
    Done(lapin::Result<PublisherConfirm>),
    Going(Pin<Box<dyn Future<Output = lapin::Result<PublisherConfirm>> + Send + 'a>>),
}

/// Begins to send each, in order, without waiting until the one before has left: the first poll
/// puts it in line.
async fn begin<'a>(channel: &'a Channel, batch: &'a [Request]) -> Vec<Sending<'a>> {
    let mut all = Vec::with_capacity(batch.len());
    for request in batch {
        let publication = &request.publication;
        let mut sending = Box::pin(channel.basic_publish(
            publication.exchange.as_str().into(),
            publication.routing_key.as_str().into(),
            properties::options(publication),
            &publication.payload,
            properties::of(publication),
        ));
        let polled = poll_fn(|cx| Poll::Ready(sending.as_mut().poll(cx))).await;
        all.push(match polled {
            Poll::Ready(confirm) => Sending::Done(confirm),
            Poll::Pending => Sending::Going(sending),
        });
    }
    all
}

/// What came as one publication's confirm.
struct Answer {
    taken: bool,
    /// What was returned at about that time: not necessarily this publication.
    returned: Option<MessageId>,
}

impl Answer {
    fn of(confirmation: &Confirmation) -> Self {
        match confirmation {
            Confirmation::Ack(message) | Confirmation::Nack(message) => Self {
                taken: confirmation.is_ack(),
                returned: message.as_ref().and_then(|it| properties::message_id(&it.properties)),
            },
            // The channel does not confirm at all: nothing may be believed.
            Confirmation::NotRequested => Self { taken: false, returned: None },
        }
    }
}

/// Taken over is what was acknowledged less what was returned.
fn judge(ids: &[MessageId], answers: Vec<Answer>) -> Vec<Outcome> {
    let returned: HashSet<_> = answers.iter().filter_map(|answer| answer.returned).collect();
    ids.iter()
        .zip(answers)
        .map(|(id, answer)| match answer.taken {
            _ if mutant!("rabbitmq-judges-each-by-its-own-confirm") => match answer.returned {
                Some(_) => Outcome::Unroutable,
                None => Outcome::Confirmed,
            },
            _ if returned.contains(id) => Outcome::Unroutable,
            true => Outcome::Confirmed,
            // A queue is full or has no majority.
            false => Outcome::Unavailable,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id(n: u128) -> MessageId {
        MessageId(Uuid::from_u128(n))
    }

    /// Each answer: taken, and the number of what came back with it.
    fn check(answers: &[(bool, Option<u128>)], expected: &[Outcome]) {
        let ids: Vec<_> = (0..answers.len()).map(|n| id(n as u128)).collect();
        let answers = answers
            .iter()
            .map(|&(taken, returned)| Answer { taken, returned: returned.map(id) })
            .collect();
        assert_eq!(judge(&ids, answers), expected);
    }

    #[test]
    fn a_returned_message_is_judged_by_its_id_wherever_it_comes() {
        use Outcome::{Confirmed, Unavailable, Unroutable};
        check(&[(true, None), (true, None)], &[Confirmed, Confirmed]);
        check(&[(true, Some(0)), (true, None)], &[Unroutable, Confirmed]);
        check(&[(true, None), (true, Some(0))], &[Unroutable, Confirmed]);
        check(&[(true, Some(1)), (true, None)], &[Confirmed, Unroutable]);
        check(&[(false, None), (true, None)], &[Unavailable, Confirmed]);
        check(&[(false, Some(1)), (true, None)], &[Unavailable, Unroutable]);
    }
}
