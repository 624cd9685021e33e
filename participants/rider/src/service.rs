//! Inputs become calls of the domain, and outcomes become decisions. What is decided is in
//! [`crate::domain`]; which aggregates that needs is decided here.

use std::collections::BTreeSet;

use contracts::{
    Command, District, Event, EventType, Message, OrderId, RiderId, SagaId, ServiceName, Timestamp,
};
use runtime::{
    Decision, Input, Key, Keys, Kind, Outgoing, Problem, Service, View,
    participant::{self, HEARD_BEFORE, STALE_TIMER, answer_again, as_it_stands, misrouted, news},
};
use serde::{Deserialize, Serialize};

use crate::{
    aggregates::{KINDS, Kept, delivery_key, district_key, load_key, rider_key},
    around::{districts_to_see, surroundings},
    domain::{
        Act, DEFAULT_CAPACITY, Delivery, DistrictRow, Hands, Heard, Load, Outcome, Refusal, Tell,
        act, fleet::enter_rider, hear,
    },
    refusals::problem,
    views::{DeliveryView, DistrictView, RiderView},
};

/// How the service behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Takes the riders' decisions as soon as they are asked for: a built-in rider named `auto`
    /// claims every delivery, and has it picked up and confirmed once the food is ready. For
    /// benchmarks.
    pub auto: bool,
}

/// The rider service.
#[derive(Clone, Debug, Default)]
pub struct Rider {
    settings: Settings,
}

/// What people ask over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Enter a district.
    PutDistrict {
        /// Which.
        district: District,
        /// Its neighbours; itself is none of them.
        neighbours: BTreeSet<District>,
    },
    /// Enter a rider.
    PutRider {
        /// Who.
        rider_id: RiderId,
        /// Where they work.
        district: District,
        /// Whether they are at work.
        on_duty: bool,
        /// How many deliveries they may carry at once; where none is given it stays as it is,
        /// and is [`DEFAULT_CAPACITY`] for a new rider.
        capacity: Option<usize>,
    },
    /// A rider does something with a delivery.
    Act {
        /// Which delivery.
        order_id: OrderId,
        /// Who.
        rider_id: RiderId,
        /// What.
        act: Act,
        /// Why; of a release or a return.
        reason: Option<String>,
    },
}

impl Rider {
    /// The service with these settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Its settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

impl Service for Rider {
    type State = Kept;
    type Request = Request;

    fn name(&self) -> ServiceName {
        ServiceName::Rider
    }

    fn kinds(&self) -> &'static [Kind] {
        KINDS
    }

    fn keys(&self, input: &Input<Request>) -> Keys {
        match input {
            Input::Message(incoming) => read(&incoming.message)
                .map_or_else(Keys::default, |(order_id, _)| Keys::lock(delivery_key(order_id))),
            Input::Request(Request::PutDistrict { district, neighbours }) => {
                let lock = neighbours.iter().chain([district]).map(district_key).collect();
                Keys { lock, look: Vec::new() }
            }
            Input::Request(Request::PutRider { rider_id, district, .. }) => {
                let lock = vec![rider_key(rider_id), load_key(rider_id), district_key(district)];
                Keys { lock, look: Vec::new() }
            }
            Input::Request(Request::Act { order_id, rider_id, act, .. }) => {
                let mut keys = Keys::lock(delivery_key(order_id));
                match act {
                    // Locked, since whether they may carry one more hangs on what was entered.
                    Act::Claim => keys.lock.push(rider_key(rider_id)),
                    _ => keys.look.push(rider_key(rider_id)),
                }
                if act.concerns_hands() {
                    keys.lock.push(load_key(rider_id));
                }
                keys
            }
            Input::Wake(key) => Keys::lock(key.clone()),
        }
    }

    fn more_keys(&self, input: &Input<Request>, view: &View<'_, Kept>) -> Keys {
        let mut keys = Keys::default();
        match input {
            Input::Message(incoming) => {
                let Some((order_id, heard)) = read(&incoming.message) else { return keys };
                let delivery = delivery(view, order_id);
                let seen = districts_to_see(delivery, &heard);
                keys.look = seen.into_iter().map(district_key).collect();
                if heard == Heard::Recall {
                    let rider = delivery.and_then(|delivery| delivery.rider_id.as_ref());
                    keys.lock.extend(rider.map(load_key));
                }
            }
            Input::Wake(key) => {
                let delivery = view.get(key).and_then(Kept::delivery);
                let seen = districts_to_see(delivery, &Heard::Due);
                keys.look = seen.into_iter().map(district_key).collect();
            }
            Input::Request(Request::PutRider { rider_id, .. }) => {
                let before = view.get(&rider_key(rider_id)).and_then(Kept::rider);
                keys.lock.extend(before.map(|rider| district_key(&rider.district)));
            }
            Input::Request(_) => {}
        }
        keys
    }

    fn decide(
        &self,
        input: &Input<Request>,
        view: &View<'_, Kept>,
        now: Timestamp,
    ) -> Decision<Kept> {
        match input {
            Input::Message(incoming) => match read(&incoming.message) {
                Some((order_id, heard)) => self.hear(order_id, incoming.saga, &heard, view, now),
                None => misrouted(ServiceName::Rider, &incoming.message),
            },
            Input::Request(Request::PutDistrict { district, neighbours }) => {
                put_district(district, neighbours, view, now)
            }
            Input::Request(Request::PutRider { rider_id, district, on_duty, capacity }) => {
                put_rider(rider_id, district, *on_duty, *capacity, view, now)
            }
            Input::Request(Request::Act { order_id, rider_id, act: what, reason }) => {
                let key = delivery_key(order_id);
                let current = delivery(view, order_id);
                let rider = view.get(&rider_key(rider_id)).and_then(Kept::rider);
                let load = || view.get(&load_key(rider_id)).and_then(Kept::load);
                let load = if what.concerns_hands() { load() } else { None };
                let outcome = act(current, *what, rider, load, reason.as_deref(), now);
                answered(outcome, &key, current, view)
            }
            Input::Wake(key) => match view.get(key).and_then(Kept::delivery) {
                Some(due) => self.hear(&due.order_id, due.saga, &Heard::Due, view, now),
                None => Decision::ignored(STALE_TIMER),
            },
        }
    }
}

impl Rider {
    fn hear(
        &self,
        order_id: &OrderId,
        saga: Option<SagaId>,
        heard: &Heard,
        view: &View<'_, Kept>,
        now: Timestamp,
    ) -> Decision<Kept> {
        let key = delivery_key(order_id);
        let current = delivery(view, order_id);
        let around = surroundings(current, heard, view);
        let auto = self.settings.auto;
        match hear(current, order_id, saga, heard, &around, auto, now) {
            Outcome::Changed { delivery, tell, hands } => {
                changed(&key, *delivery, tell, hands, view, Decision::default())
            }
            Outcome::Unchanged => match heard {
                Heard::Placed { .. } | Heard::FoodReady => Decision::ignored(HEARD_BEFORE),
                Heard::Due => Decision::ignored(STALE_TIMER),
                Heard::Dispatch { .. } | Heard::Widen | Heard::Recall => {
                    answer_again(current.and_then(|current| fact(&key, current, true)))
                }
            },
            Outcome::Refused(refusal) => Decision::refused(problem(refusal)),
        }
    }
}

/// What a message says of which delivery; none where it is not for this service.
fn read(message: &Message) -> Option<(&OrderId, Heard)> {
    Some(match message {
        Message::Command(Command::DispatchDelivery(dispatch)) => {
            let (store_id, revision) = (dispatch.store_id.clone(), dispatch.revision.unwrap_or(0));
            (&dispatch.order_id, Heard::Dispatch { store_id, revision })
        }
        Message::Command(Command::WidenSearch(widen)) => (&widen.order_id, Heard::Widen),
        Message::Command(Command::RecallDelivery(recall)) => (&recall.order_id, Heard::Recall),
        Message::Event(Event::OrderPlaced(placed)) => {
            let (store_id, address) = (placed.store_id.clone(), placed.address.clone());
            let revision = placed.revision.unwrap_or(0);
            (&placed.order_id, Heard::Placed { store_id, address, revision })
        }
        Message::Event(Event::OrderRevised(revised)) => {
            let (store_id, address) = (revised.store_id.clone(), revised.address.clone());
            let revision = revised.revision;
            (&revised.order_id, Heard::Placed { store_id, address, revision })
        }
        Message::Event(Event::Fact(EventType::CookFinished, fact)) => {
            (&fact.order_id, Heard::FoodReady)
        }
        Message::Command(_) | Message::Event(_) => return None,
    })
}

fn delivery<'a>(view: &View<'a, Kept>, order_id: &OrderId) -> Option<&'a Delivery> {
    view.get(&delivery_key(order_id)).and_then(Kept::delivery)
}

/// The answer to a rider's act.
fn answered(
    outcome: Outcome,
    key: &Key,
    current: Option<&Delivery>,
    view: &View<'_, Kept>,
) -> Decision<Kept> {
    match (outcome, current) {
        (Outcome::Changed { delivery, tell, hands }, _) => {
            let answer = Decision::answered(200, &DeliveryView::from(&*delivery));
            changed(key, *delivery, tell, hands, view, answer)
        }
        (Outcome::Unchanged, Some(current)) => as_it_stands(&DeliveryView::from(current)),
        (Outcome::Unchanged, None) => Decision::refused(problem(Refusal::NoDelivery)),
        (Outcome::Refused(refusal), _) => Decision::refused(problem(refusal)),
    }
}

/// Adds a delivery's new version, what it tells, and what it does to a rider's hands.
fn changed(
    key: &Key,
    delivery: Delivery,
    tell: Tell,
    hands: Option<Hands>,
    view: &View<'_, Kept>,
    mut decision: Decision<Kept>,
) -> Decision<Kept> {
    let sequence = delivery.record.sequence;
    decision.messages.extend(match tell {
        Tell::Nothing => None,
        Tell::Fact => fact(key, &delivery, false),
        Tell::Offer(offer) => {
            Some(news(key, Event::DeliveryOffered(*offer), sequence, delivery.saga))
        }
    });
    let load = |rider: &RiderId| view.get(&load_key(rider)).and_then(Kept::load);
    let load = match hands {
        Some(Hands::Take(rider, order)) => Load::take(load(&rider), &rider, &order),
        Some(Hands::Free(rider, order)) => Load::free(load(&rider), &order),
        None => None,
    };
    decision.saves.extend(load.map(|load| (load_key(&load.rider_id), Kept::Load(load))));
    decision.saves.push((key.clone(), Kept::Delivery(Box::new(delivery))));
    decision
}

/// The delivery's latest fact; `repeat` where it was told before.
fn fact(key: &Key, delivery: &Delivery, repeat: bool) -> Option<Outgoing> {
    let stands = (&delivery.order_id, delivery.state.as_str());
    participant::fact(key, stands, &delivery.record, delivery.saga, repeat)
}

fn put_district(
    district: &District,
    neighbours: &BTreeSet<District>,
    view: &View<'_, Kept>,
    now: Timestamp,
) -> Decision<Kept> {
    let row = |district: &District| view.get(&district_key(district)).and_then(Kept::district);
    let entered = DistrictRow::changed(row(district), district, now, |row| {
        row.neighbours.clone_from(neighbours);
    });
    // A neighbour's riders find this district's wide offers through their own.
    let told = neighbours.iter().filter_map(|neighbour| {
        DistrictRow::changed(row(neighbour), neighbour, now, |row| {
            row.neighbour_of.insert(district.clone());
        })
    });
    let mut decision = match (&entered, row(district)) {
        (Some(entered), _) => Decision::answered(200, &DistrictView::from(entered)),
        (None, Some(current)) => as_it_stands(&DistrictView::from(current)),
        (None, None) => Decision::refused(Problem::internal()),
    };
    let saves = entered.into_iter().chain(told);
    decision.saves = saves.map(|row| (district_key(&row.district), Kept::District(row))).collect();
    decision
}

fn put_rider(
    rider_id: &RiderId,
    district: &District,
    on_duty: bool,
    capacity: Option<usize>,
    view: &View<'_, Kept>,
    now: Timestamp,
) -> Decision<Kept> {
    let key = rider_key(rider_id);
    let current = view.get(&key).and_then(Kept::rider);
    let load = view.get(&load_key(rider_id)).and_then(Kept::load);
    let capacity = capacity.or(current.map(|it| it.capacity)).unwrap_or(DEFAULT_CAPACITY);
    if load.map_or(0, Load::len) > capacity {
        return Decision::refused(problem(Refusal::CapacityTooLow));
    }
    let entered = enter_rider(current, rider_id, district, on_duty, capacity, now);
    let Some(entered) = entered else {
        let unchanged = current.map(|current| RiderView::new(current, load));
        return unchanged
            .map_or_else(|| Decision::refused(Problem::internal()), |view| as_it_stands(&view));
    };
    let mut decision = Decision::answered(200, &RiderView::new(&entered, load));
    let row = |district: &District| view.get(&district_key(district)).and_then(Kept::district);
    let left = current.filter(|current| current.district != *district).and_then(|current| {
        DistrictRow::with_rider(row(&current.district), &current.district, rider_id, false, now)
    });
    let joined = DistrictRow::with_rider(row(district), district, rider_id, on_duty, now);
    decision.saves = left
        .into_iter()
        .chain(joined)
        .map(|row| (district_key(&row.district), Kept::District(row)))
        .collect();
    decision.saves.push((key, Kept::Rider(entered)));
    decision
}
