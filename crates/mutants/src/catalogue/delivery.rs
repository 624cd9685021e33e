//! Mutants of relays and brokers: the traps of `docs/delivery.md`.

use super::{
    Layer::{Broker, Database, Ledger, Refusals, Relay, Simulation},
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
        caught_by: &[Refusals],
    },
    Mutant {
        name: "shared-relay-trusts-its-cursor",
        breaks: "a lower id may become visible later: nothing is passed over for good",
        caught_by: &[Ledger],
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
    Mutant {
        name: "rabbitmq-judges-each-by-its-own-confirm",
        breaks: "a batch is judged as a whole, by the ids of what was returned",
        caught_by: &[Broker],
    },
    Mutant {
        name: "rabbitmq-does-not-ask-for-what-no-queue-takes",
        breaks: "what no queue takes comes back",
        caught_by: &[Broker],
    },
    Mutant {
        name: "rabbitmq-delivers-a-poison-for-ever",
        breaks: "what fails too often is a dead letter",
        caught_by: &[Broker],
    },
    Mutant {
        name: "rabbitmq-does-not-see-that-a-queue-went",
        breaks: "a consumer whose queue went subscribes again",
        caught_by: &[Broker],
    },
    Mutant {
        name: "rabbitmq-consumes-without-a-prefetch",
        breaks: "no more is delivered ahead than can be worked on",
        caught_by: &[Broker],
    },
    Mutant {
        name: "postgres-reads-behind-a-lease",
        breaks: "a relay whose lease is over reads nothing",
        caught_by: &[Database],
    },
    Mutant {
        name: "postgres-reads-the-key-of-a-row-that-waits",
        breaks: "a row that waits holds its key",
        caught_by: &[Database],
    },
    Mutant {
        name: "postgres-leases-all-to-the-first",
        breaks: "relays share the buckets",
        caught_by: &[Database],
    },
    Mutant {
        name: "postgres-reads-without-a-lock",
        breaks: "transactions on the same aggregate take turns",
        caught_by: &[Database],
    },
    Mutant {
        name: "shared-relay-blames-rows-for-an-outage",
        breaks: "an outage of the broker counts against no row",
        caught_by: &[Refusals],
    },
    Mutant {
        name: "shared-relay-keeps-its-surplus",
        breaks: "what is beyond its share a relay leaves to others",
        caught_by: &[Relay],
    },
    Mutant {
        name: "shared-relay-never-reads-from-zero",
        breaks: "everything is read again from zero from time to time, and where a predecessor was missed",
        caught_by: &[Ledger],
    },
];
