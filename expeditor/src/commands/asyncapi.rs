//! `asyncapi`: what the services say to one another, as one document for other teams and their
//! tools. It is made in `contracts`; this only prints it.

use contracts::asyncapi;

use crate::print;

/// Prints it.
pub fn run() {
    print::line(format_args!("{:#}", asyncapi::document()));
}

#[cfg(test)]
mod tests {
    use contracts::{asyncapi, routes};
    use runtime::broker::rabbitmq;

    #[test]
    fn queues_are_described_as_they_are_declared() {
        assert_eq!(routes::DELIVERY_LIMIT, rabbitmq::DELIVERY_LIMIT);
    }

    #[test]
    fn nothing_of_a_sagas_own_history_is_published() {
        let document = asyncapi::document().to_string();
        for private in ["StepRequested", "step-requested", "SagaStarted", "saga-started"] {
            assert!(!document.contains(private), "{private}");
        }
    }
}
