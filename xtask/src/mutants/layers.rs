//! What each layer of tests is run by: programs that the build of the workspace's tests makes anyway,
//! and those of their tests that are quick enough to be run for every mutant.

use mutants::Layer;

/// A program, with what is asked of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tests {
    /// The folder of its package, from the root.
    pub(super) package: &'static str,
    /// Which of its targets.
    pub(super) target: Target,
    /// Its arguments.
    pub(super) arguments: &'static [&'static str],
}

/// What a program is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The tests in the library.
    Library,
    /// The tests of that name beside it.
    Tests(&'static str),
    /// The program of that name, which is built for the tests of that other name.
    Program(&'static str, &'static str),
}

impl Target {
    /// What cargo is asked for, so that it is built.
    pub(super) fn arguments(self) -> Vec<&'static str> {
        match self {
            Self::Library => vec!["--lib"],
            Self::Tests(name) | Self::Program(_, name) => vec!["--test", name],
        }
    }
}

impl Tests {
    const fn of(package: &'static str, target: Target) -> Self {
        Self { package, target, arguments: &[] }
    }

    const fn library(package: &'static str) -> Self {
        Self::of(package, Target::Library)
    }

    const fn beside(package: &'static str, name: &'static str) -> Self {
        Self::of(package, Target::Tests(name))
    }

    const fn only(self, arguments: &'static [&'static str]) -> Self {
        Self { arguments, ..self }
    }
}

const ENGINE: &[Tests] = &[Tests::beside("crates/saga", "engine").only(&["--skip", "laws::"])];
const SERVICE: &[Tests] = &[
    Tests::beside("participants/payment", "payment"),
    Tests::beside("participants/store", "store"),
    Tests::library("participants/cook"),
    Tests::library("participants/rider"),
    Tests::library("subscribers/mypage"),
    // Those that send wait in real time.
    Tests::library("subscribers/notification").only(&["--skip", "sending::"]),
    Tests::beside("orchestrator", "scenarios").only(&["--skip", "laws::"]),
];
const RELAY: &[Tests] = &[Tests::library("relay"), Tests::beside("relay", "relay")];
const PATH: &[Tests] = &[
    Tests::library("crates/runtime"),
    Tests::beside("crates/runtime", "path_memory"),
    Tests::beside("crates/runtime", "path"),
];
const DATABASE: &[Tests] = &[Tests::beside("crates/runtime", "database_contract").only(&[
    "relays::",
    "transactions_on_the_same_key",
    "a_message_is_claimed_once",
    "the_oldest_row_of_a_bucket",
    "deleted_rows_are_gone",
])];
const BROKER: &[Tests] = &[
    Tests::library("crates/runtime").only(&["broker::"]),
    Tests::beside("crates/runtime", "broker_rabbitmq").only(&[
        "returned::",
        "dead_letters::",
        "a_consumer_whose_queue_is_deleted",
    ]),
];
const MODEL: &[Tests] = &[Tests::beside("tests/model", "bounds").only(&[
    "--exact",
    "one_order::all_goes_well",
    "one_order::people_refuse_and_bring_back",
    "one_order::the_customer_cancels",
    "one_order::a_deadline_passes_and_the_customer_cancels",
])];
const SIMULATION: &[Tests] =
    &[Tests::of("tests/simulation", Target::Program("simulation", "seeds")).only(&[
        "--first-wrong",
        "--seeds",
        "40",
    ])];
const LEDGER: &[Tests] = &[Tests::beside("relay", "shared")
    .only(&["--exact", "nothing_is_lost_and_order_is_kept_in_a_storm"])];

const REFUSALS: &[Tests] = &[Tests::beside("relay", "shared").only(&[
    "--exact",
    "an_unroutable_row_holds_its_key_until_it_is_parked",
    "an_outage_of_the_broker_counts_against_no_row",
])];

/// Those of a layer, in the order in which they are run.
pub(super) const fn of(layer: Layer) -> &'static [Tests] {
    match layer {
        Layer::Engine => ENGINE,
        Layer::Service => SERVICE,
        Layer::Relay => RELAY,
        Layer::Path => PATH,
        Layer::Database => DATABASE,
        Layer::Broker => BROKER,
        Layer::Model => MODEL,
        Layer::Simulation => SIMULATION,
        Layer::Ledger => LEDGER,
        Layer::Refusals => REFUSALS,
    }
}
