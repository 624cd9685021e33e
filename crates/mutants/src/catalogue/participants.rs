//! Mutants of the orchestrator, the participants and the subscribers.

use super::{
    Layer::{Model, Service, Simulation},
    Mutant,
};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "order-is-made-twice-under-one-key",
        breaks: "a request that is made again under its key makes nothing",
        caught_by: &[Service],
    },
    Mutant {
        name: "key-serves-for-another-request",
        breaks: "a key that was used for another request is refused",
        caught_by: &[Service],
    },
    Mutant {
        name: "fact-of-no-order-is-dropped",
        breaks: "a fact that no order is known for is a dead letter",
        caught_by: &[Service],
    },
    Mutant {
        name: "orchestrator-never-looks-into-its-outbox",
        breaks: "a timer is told how old the own outbox is",
        caught_by: &[Service, Model],
    },
    Mutant {
        name: "orchestrator-leaves-a-line-out",
        breaks: "a history has no gaps, and leads to what is stored",
        caught_by: &[Service, Model, Simulation],
    },
    Mutant {
        name: "orchestrator-forgets-the-saga-that-follows",
        breaks: "an order that comes back begins the saga of its return in the same transaction",
        caught_by: &[Service, Model, Simulation],
    },
    Mutant {
        name: "cook-cooks-what-was-undone",
        breaks: "a command that its undo has overtaken is never executed",
        caught_by: &[Service, Model],
    },
    Mutant {
        name: "cook-cancels-what-cooks",
        breaks: "the kitchen's own transaction decides the race between start and cancellation",
        caught_by: &[Service, Model],
    },
    Mutant {
        name: "cook-leaves-no-tombstone",
        breaks: "an undo is answered undone, also where nothing was there",
        caught_by: &[Service, Model],
    },
    Mutant {
        name: "payment-leaves-no-tombstone",
        breaks: "an undo is answered undone, also where nothing was there",
        caught_by: &[Service, Model],
    },
    Mutant {
        name: "payment-voids-before-the-gateway-answers",
        breaks: "a void waits for what the gateway says",
        caught_by: &[Service, Simulation],
    },
    Mutant {
        name: "payment-captures-twice",
        breaks: "one order is captured once",
        caught_by: &[Service],
    },
    Mutant {
        name: "payment-captures-what-was-voided",
        breaks: "nothing is captured after an undo",
        caught_by: &[Service],
    },
    Mutant {
        name: "payment-captures-more-than-is-held",
        breaks: "no more is captured than is held",
        caught_by: &[Service],
    },
    Mutant {
        name: "payment-keeps-the-hold",
        breaks: "a void releases the hold",
        caught_by: &[Service, Simulation],
    },
    Mutant {
        name: "payment-keeps-what-it-took",
        breaks: "a refund gives back what was taken",
        caught_by: &[Service, Simulation],
    },
    Mutant {
        name: "store-reserves-what-is-not-there",
        breaks: "no more is reserved than is on hand",
        caught_by: &[Service],
    },
    Mutant {
        name: "store-forgets-what-it-reserved",
        breaks: "a ticket that is cancelled gives its pieces back",
        caught_by: &[Service, Simulation],
    },
    Mutant {
        name: "store-settles-to-the-shelf",
        breaks: "what is delivered is sold",
        caught_by: &[Service, Simulation],
    },
    Mutant {
        name: "store-sells-what-came-back",
        breaks: "what came back is on hand again",
        caught_by: &[Service, Simulation],
    },
    Mutant {
        name: "store-asks-for-what-was-undone",
        breaks: "a command that its undo has overtaken is never executed",
        caught_by: &[Service],
    },
    Mutant {
        name: "rider-acts-for-another",
        breaks: "a delivery is its rider's",
        caught_by: &[Service],
    },
    Mutant {
        name: "rider-has-no-end-of-hands",
        breaks: "a rider carries no more than they may",
        caught_by: &[Service],
    },
    Mutant {
        name: "rider-takes-what-is-not-cooked",
        breaks: "food is picked up when it is cooked",
        caught_by: &[Service],
    },
    Mutant {
        name: "rider-releases-what-is-under-way",
        breaks: "what is under way is not given back to other riders",
        caught_by: &[Service],
    },
    Mutant {
        name: "rider-forgets-who-waits-for-an-address",
        breaks: "early facts are kept: a dispatch waits for its address and goes on with it",
        caught_by: &[Service],
    },
    Mutant {
        name: "rider-recalls-what-has-left",
        breaks: "what has left is not recalled",
        caught_by: &[Service],
    },
    Mutant {
        name: "participant-answers-once",
        breaks: "a command that comes again is answered again",
        caught_by: &[Service],
    },
    Mutant {
        name: "participant-tells-repeats-as-news",
        breaks: "a version tells one public event",
        caught_by: &[Service],
    },
    Mutant {
        name: "mypage-goes-back",
        breaks: "a fact that is older than one that was heard changes nothing",
        caught_by: &[Service],
    },
    Mutant {
        name: "notification-offers-twice",
        breaks: "an offer is told once",
        caught_by: &[Service],
    },
];
