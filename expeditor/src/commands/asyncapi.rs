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
        // What is wrong with a name that no private event has tells those that there are.
        let wrong = serde_json::from_str::<saga::EventKind>(r#"{"event":"none"}"#).unwrap_err();
        let wrong = wrong.to_string();
        let private: Vec<&str> = wrong.split('`').skip(3).step_by(2).collect();
        assert!(private.len() > 15 && private.contains(&"step_requested"), "{wrong}");
        let document = asyncapi::document().to_string();
        for name in private {
            assert!(!document.contains(&format!("\"{name}\"")), "{name}");
        }
    }
}
