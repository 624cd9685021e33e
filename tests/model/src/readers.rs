//! What subscribers keep: whether it only goes on, and whether it shows how things are once all has
//! been heard.

use contracts::{EventType, ServiceName};
use mypage::{Mypage, fold, status::Status};
use notification::{
    Kind, Notification,
    aggregates::{Kept, message_id},
    message::Message,
    moments::Stage,
};
use orchestrator::status::OrderStatus;
use runtime::{Decision, Key};

use crate::{
    laws::{self, Stand},
    node::{Breach, Rule, States},
    scene::{Model, order_place},
    stands::Facts,
    world::{ORDERS, World},
};

/// The participants, in the order in which a [`Reader`] has their facts.
const SOURCES: [ServiceName; 4] =
    [ServiceName::Payment, ServiceName::Store, ServiceName::Cook, ServiceName::Rider];

/// What a subscriber keeps of an order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader {
    /// How it shows or tells the order to stand.
    word: &'static str,
    /// What it keeps of each participant's facts; none where it keeps no facts.
    facts: Option<[Facts; 4]>,
    /// Whether all sums come out that it takes by itself.
    sound: bool,
}

type Readers = [Option<Reader>; ORDERS];

/// The laws about what subscribers show: all that was said to them has arrived, so they are to know it.
pub(crate) fn up_to_date(model: &Model, world: &World) -> bool {
    let Some(listener) = model.bounds.listener else { return true };
    let readers = match listener {
        ServiceName::Notification => model.notification.stands(world.listener),
        _ => model.mypage.stands(world.listener),
    };
    let waits = |order| {
        let mut letters = world.on_the_way.iter().map(|number| model.letters.get(*number));
        letters.any(|letter| letter.to == listener && letter.order == order)
    };
    model.orders().all(|order| {
        let reader = readers[usize::from(order)];
        reader.is_none_or(|reader| reader.sound)
            && (waits(order)
                || laws::stand(model, world, order).is_some_and(|it| shows(reader, &it)))
    })
}

/// Whether it shows how things are.
fn shows(reader: Option<Reader>, it: &Stand) -> bool {
    let Some(reader) = reader else { return false };
    let known = [it.payment.facts, it.store.facts, it.cook.facts, it.rider.facts];
    reader.facts.is_none_or(|facts| facts == known)
        && (!it.order.finished || reader.word == it.order.status.as_str())
        && (reader.word != OrderStatus::Delivered.as_str() || is_delivered(it))
}

/// The customer has the food, whether all is settled or not.
fn is_delivered(it: &Stand) -> bool {
    it.rider.state == Some(rider::domain::State::Delivered)
}

pub(crate) fn mypage(states: &States<fold::Order>) -> Readers {
    by_place(states.values().map(|order| {
        let facts = SOURCES.map(|source| {
            let told = order.told_by(source).map_or(&[][..], |told| &told.milestones);
            Facts::among(told.iter().map(|it| it.kind))
        });
        let reader = Reader { word: Status::of(order).as_str(), facts: Some(facts), sound: true };
        (order.order_id.as_str(), reader)
    }))
}

pub(crate) fn notification(states: &States<Kept>) -> Readers {
    by_place(states.values().filter_map(Kept::order).map(|order| {
        let messages = states.values().filter_map(Kept::message);
        let of_order = messages.filter(|it| it.order_id == order.order_id);
        let sound = of_order.count() == usize::try_from(order.messages).unwrap_or(0);
        (order.order_id.as_str(), Reader { word: order.state(), facts: None, sound })
    }))
}

fn by_place<'a>(readers: impl Iterator<Item = (&'a str, Reader)>) -> Readers {
    let mut by_place = [None; ORDERS];
    for (id, reader) in readers {
        if let Some(place) = order_place(id) {
            by_place[usize::from(place)] = Some(reader);
        }
    }
    by_place
}

/// `MyPage` forgets nothing that it was told, and no customer sees an order go back.
pub(crate) const MYPAGE_GOES_ON: Rule<Mypage> = |before, _, decision| {
    let mut saves = decision.saves.iter();
    saves
        .any(|(key, after)| before.get(key).is_some_and(|was| !goes_on(was, after)))
        .then_some(Breach::WentBack)
};

fn goes_on(was: &fold::Order, is: &fold::Order) -> bool {
    let kinds = |order: &fold::Order, source| -> Vec<EventType> {
        let told = order.told_by(source);
        told.map_or_else(Vec::new, |it| it.milestones.iter().map(|it| it.kind).collect())
    };
    let prefix = |source| kinds(is, source).starts_with(&kinds(was, source));
    SOURCES.into_iter().all(prefix)
        && (was.ended.is_none() || was.ended == is.ended)
        && (was.placed.is_none() || was.placed == is.placed)
        && rank(Status::of(was).as_str()) <= rank(Status::of(is).as_str())
}

/// How late in an order's life that word is: all that is given up follows all that goes forward.
fn rank(word: &str) -> Option<usize> {
    Stage::ALL.iter().position(|stage| stage.as_str() == word)
}

/// Notification tells each recipient of each moment once, and no customer of one that is passed.
pub(crate) const NOTIFICATION_GOES_ON: Rule<Notification> = |before, _, decision| {
    let wrong = decision.saves.iter().filter_map(|(_, kept)| kept.message());
    let told_twice = |it: &Message| {
        let known = before.values().filter_map(Kept::message);
        let saved = decision.saves.iter().filter_map(|(_, kept)| kept.message());
        known.chain(saved).filter(|other| other.key == it.key).count() != 1
    };
    let went_back = before.iter().any(|(key, was)| goes_back(key, was, decision));
    (went_back || wrong.into_iter().any(|it| told_twice(it) || is_passed(it, before, decision)))
        .then_some(Breach::WentBack)
};

/// Whether the stage that the customer was told is a lower one now.
fn goes_back(key: &Key, was: &Kept, decision: &Decision<Kept>) -> bool {
    let is = decision.saves.iter().find(|(saved, _)| saved == key).map(|(_, kept)| kept);
    match (was.order(), is.and_then(Kept::order)) {
        (Some(was), Some(is)) => rank(was.state()) > rank(is.state()),
        _ => false,
    }
}

/// Whether a message tells the customer of a stage before one of which an earlier message tells.
fn is_passed(it: &Message, before: &States<Kept>, decision: &Decision<Kept>) -> bool {
    let earlier = (1..it.number).filter_map(|number| {
        let id = message_id(&it.order_id, number);
        let saved = decision.saves.iter().map(|(key, kept)| (key, kept));
        saved.chain(before).find(|(key, _)| *key.id == *id).and_then(|(_, kept)| kept.message())
    });
    it.recipient.kind == Kind::Customer
        && rank(&it.moment).is_some_and(|told| {
            let mut told_before = earlier.filter_map(|earlier| rank(&earlier.moment));
            told_before.any(|before| before >= told)
        })
}
