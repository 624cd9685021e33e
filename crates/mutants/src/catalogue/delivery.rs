//! Mutants of relays and brokers: the traps of `docs/delivery.md`.

use super::{
    Layer::{Broker, Ledger, Relay, Simulation},
    Mutant,
};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "relay-deletes-before-confirm",
        breaks: "a row is deleted when the broker has confirmed it",
        caught_by: &[Relay, Simulation],
    },
    Mutant {
        name: "relay-takes-a-return-for-a-confirm",
        breaks: "what no queue takes is kept",
        caught_by: &[Relay],
    },
    Mutant {
        name: "relay-never-looks-back",
        breaks: "a delete that was lost is made up for",
        caught_by: &[Relay],
    },
    Mutant {
        name: "relay-lets-rows-overtake",
        breaks: "the rows of a key are published in order",
        caught_by: &[Relay],
    },
    Mutant {
        name: "shared-relay-deletes-before-confirm",
        breaks: "a row is deleted when the broker has confirmed it",
        caught_by: &[Ledger],
    },
    Mutant {
        name: "shared-relay-takes-a-return-for-a-confirm",
        breaks: "what no queue takes is parked in the end, and not deleted",
        caught_by: &[Ledger],
    },
    Mutant {
        name: "shared-relay-never-parks",
        breaks: "what no queue takes is parked in the end",
        caught_by: &[Ledger],
    },
    Mutant {
        name: "shared-relay-trusts-its-cursor",
        breaks: "a lower id may become visible later: nothing is passed over for good",
        caught_by: &[Relay, Ledger],
    },
    Mutant {
        name: "shared-relay-overlooks-gaps",
        breaks: "a row whose predecessor was not seen waits for it",
        caught_by: &[Relay],
    },
    Mutant {
        name: "shared-relay-keeps-rows-of-a-lost-lease",
        breaks: "what is in hand is void when the lease was another's meanwhile",
        caught_by: &[Relay],
    },
    Mutant {
        name: "shared-relay-publishes-behind-its-fence",
        breaks: "nothing is published when the lease may be over",
        caught_by: &[Ledger],
    },
    Mutant {
        name: "shared-relay-puts-what-was-not-taken-last",
        breaks: "the rows of a key are published in order",
        caught_by: &[Relay, Ledger],
    },
    Mutant {
        name: "rabbitmq-publishes-to-what-is-not-there",
        breaks: "what closes the channel is not sent",
        caught_by: &[Broker],
    },
    Mutant {
        name: "rabbitmq-acknowledges-what-is-open",
        breaks: "an acknowledgement speaks for nothing that is not committed",
        caught_by: &[Broker],
    },
];
